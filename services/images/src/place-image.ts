import { randomUUID } from 'node:crypto';
import type { Agents } from '@asterism/agents';
import type { Database } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import type { Agent } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import type { ImageRow } from './image.js';
import { membersOf, touchImage } from './image.store.js';

/** Makes sure that the image's files lie on the member; copies them from another member where they do not. */
export async function placeImage(call: CallContext, place: { agents: Agents; database: Database; member: string }, image: ImageRow): Promise<void> {
  await touchImage(place.database, image);
  await copyToMember(call, place, image.fingerprint);
}

/** The same for a copy that nobody uses yet. */
export async function copyToMember(call: CallContext, place: { agents: Agents; database: Database; member: string }, fingerprint: string): Promise<void> {
  const { agents, database, member } = place;
  const members = await membersOf(database, fingerprint);
  if (members.includes(member)) return;
  const source = members.find((candidate) => agents.online().includes(candidate));
  if (!source) throw new LxdError('unavailable', `Image ${fingerprint} is on no member that can be reached`);
  await copyImage(call, { from: agents.on(source).images, to: agents.on(member).images }, fingerprint);
  await database.query('INSERT INTO images.locations (fingerprint, member) SELECT $1::text, $2::text WHERE EXISTS (SELECT 1 FROM images.images WHERE fingerprint = $1::text) ON CONFLICT DO NOTHING', [fingerprint, member]);
}

type ImageFiles = Agent['images'];

async function copyImage(call: CallContext, way: { from: ImageFiles; to: ImageFiles }, fingerprint: string): Promise<void> {
  const uploadId = randomUUID();
  const { rootfs_bytes, present } = await way.from.files(call, { fingerprint });
  if (!present) throw new LxdError('unavailable', `Image ${fingerprint} is on no member that can be reached`);
  const parts = rootfs_bytes < 0 ? ['meta'] : ['meta', 'rootfs'];
  async function* frames() {
    for (const file of parts) {
      yield { part: { $case: 'header' as const, value: { upload_id: uploadId, file, max_bytes: 0, expected_fingerprint: fingerprint } } };
      // Chunks are reused by who reads; the receiver may still hold one when it asks for the next.
      for await (const { data } of way.from.read(call, { fingerprint, file })) yield { part: { $case: 'chunk' as const, value: Buffer.from(data) } };
    }
  }
  await way.to.receive(call, frames());
  await way.to.commit(call, { upload_id: uploadId, fingerprint });
}
