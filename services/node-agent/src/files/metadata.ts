import { LxdError } from '@asterism/errors';
import type { common } from '@asterism/proto';
import { parse } from 'yaml';
import type { GuestFiles } from '../host/guest-files.js';
import type { InstancePlace } from './place.js';

const maxBytes = 1024 * 1024;

/** metadata.yaml as the image brought it; the file belongs to the guest's side and is read as such. */
export async function readMetadata(guests: GuestFiles, place: InstancePlace): Promise<common.Document> {
  const { facts, fd } = await guests.request({ root: place.volumePath, owner: { uid: 0, gid: 0 } }, { op: 'open-read', path: '/metadata.yaml' }).catch(missing);
  if (fd === undefined || facts === undefined) throw new LxdError('not-found', 'Not Found');
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of guests.read(fd)) {
    bytes += part.length;
    if (bytes > maxBytes) throw new LxdError('bad-request', 'metadata.yaml is larger than 1 MiB');
    parts.push(part);
  }
  const parsed: unknown = parse(Buffer.concat(parts).toString(), { maxAliasCount: 20 });
  return { json: Buffer.from(JSON.stringify(parsed ?? {})), etag: '' };
}

function missing(error: unknown): { facts?: undefined; fd?: undefined } {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
  throw error;
}
