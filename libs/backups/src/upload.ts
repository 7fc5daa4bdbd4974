import { randomUUID } from 'node:crypto';
import type { Agents } from '@asterism/agents';
import { LxdError } from '@asterism/errors';
import type { agentBackups, backups } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';

/** An archive that lies on a member now, with what its index says; nothing of that was checked. */
export interface TakenBackup {
  header: backups.BackupUploadHeader;
  id: string;
  member: string;
  index: Record<string, unknown>;
}

/** Passes an upload on to a member. */
export async function takeBackup(call: CallContext, agents: Agents, frames: AsyncIterable<backups.BackupUpload>): Promise<TakenBackup> {
  const rest = frames[Symbol.asyncIterator]();
  const first = await rest.next();
  if (first.done || first.value.part?.$case !== 'header') throw new LxdError('bad-request', 'Backup without header');
  const [member] = agents.online();
  if (member === undefined) throw new LxdError('unavailable', 'No cluster member is available');
  const id = randomUUID();
  try {
    const received = await agents.on(member).backups.receive(call, passed(id, rest));
    return { header: first.value.part.value, id, member, index: JSON.parse(received.index.toString()) as Record<string, unknown> };
  } finally {
    // What nobody wants any more is read, so that the sender gets to hear the answer.
    for (let next = await rest.next().catch(() => undefined); next && !next.done; next = await rest.next().catch(() => undefined));
  }
}

async function* passed(id: string, rest: AsyncIterator<backups.BackupUpload>): AsyncGenerator<agentBackups.ReceiveBackup> {
  yield { part: { $case: 'header', value: { id, max_bytes: 0 } } };
  for (let next = await rest.next(); !next.done; next = await rest.next()) {
    if (next.value.part?.$case === 'chunk') yield { part: { $case: 'chunk', value: next.value.part.value } };
  }
}
