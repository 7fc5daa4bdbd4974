import { LxdError } from '@asterism/errors';
import type { agentFiles } from '@asterism/proto';
import type { GuestFiles } from '../host/guest-files.js';
import { volumeRoot } from './metadata.js';
import type { InstancePlace } from './place.js';

const maxBytes = 1024 * 1024;

/** Names of the templates an instance's volume holds. */
export async function listTemplates(guests: GuestFiles, place: InstancePlace): Promise<string[]> {
  const { entries } = await guests.request(volumeRoot(place), { op: 'open-read', path: '/templates' }).catch(none);
  return [...(entries ?? [])].sort();
}

export async function* readTemplate(guests: GuestFiles, place: InstancePlace, name: string): AsyncIterable<agentFiles.FileFrame> {
  const { facts, fd } = await guests.request(volumeRoot(place), { op: 'open-read', path: pathOf(name) }).catch(none);
  if (facts?.type !== 'file' || fd === undefined) throw unknown(name);
  const header = { type: 'file', mode: facts.mode, uid: facts.uid, gid: facts.gid, size_bytes: facts.sizeBytes, modified_ms: facts.modifiedMs, entries: [] };
  yield { part: { $case: 'header', value: header } };
  for await (const value of guests.read(fd, facts.sizeBytes)) yield { part: { $case: 'chunk', value } };
}

export async function writeTemplate(guests: GuestFiles, place: InstancePlace, name: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const root = volumeRoot(place);
  const path = pathOf(name);
  await guests.request(root, { op: 'make-directory', path: '/templates' });
  const { fd } = await guests.request(root, { op: 'open-write', path, append: false, mode: 0o644 });
  let bytes = 0;
  try {
    for await (const chunk of content) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new LxdError('bad-request', 'The template is larger than 1 MiB');
      await guests.write(fd!, chunk);
    }
  } finally {
    await guests.close(fd!);
  }
}

export async function deleteTemplate(guests: GuestFiles, place: InstancePlace, name: string): Promise<void> {
  await guests.request(volumeRoot(place), { op: 'remove', path: pathOf(name) }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw unknown(name);
    throw error;
  });
}

function pathOf(name: string): string {
  if (name.includes('/') || name.includes('\0') || name === '.' || name === '..') throw new LxdError('internal', 'Invalid template filename');
  return `/templates/${name}`;
}

function unknown(name: string): LxdError {
  return new LxdError('not-found', `Template ${JSON.stringify(name)} not found`);
}

function none(error: unknown): { entries?: undefined; facts?: undefined; fd?: undefined } {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
  throw error;
}
