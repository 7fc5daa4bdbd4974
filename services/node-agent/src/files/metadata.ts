import { document, requireMatch, sortedMap } from '@asterism/api';
import { LxdError } from '@asterism/errors';
import { common, type agentFiles } from '@asterism/proto';
import { parse, stringify } from 'yaml';
import type { GuestFiles, GuestRoot } from '../host/guest-files.js';
import type { InstancePlace } from './place.js';

const maxBytes = 1024 * 1024;
const path = '/metadata.yaml';

interface Template {
  when: string[];
  create_only: boolean;
  template: string;
  properties: Record<string, string>;
}

/** LXD's ImageMetadata, fields in its order. */
interface Metadata {
  architecture: string;
  creation_date: number;
  expiry_date: number;
  properties: Record<string, string>;
  templates: Record<string, Template> | null;
}

/** metadata.yaml as the image brought it; the file belongs to the guest's side and is read as such. */
export async function readMetadata(guests: GuestFiles, place: InstancePlace): Promise<common.Document> {
  const metadata = await load(guests, place);
  return document(metadata, metadata);
}

/** Replaces or merges it; as with the reference only merging looks at If-Match. */
export async function writeMetadata(guests: GuestFiles, place: InstancePlace, request: agentFiles.WriteMetadata): Promise<void> {
  const sent = JSON.parse(request.json.toString()) as Partial<Metadata>;
  let next = complete(sent);
  if (request.mode === common.UpdateMode.MERGE) {
    const current = await load(guests, place);
    requireMatch(request.if_match, current);
    next = complete({ ...current, ...sent, properties: { ...current.properties, ...sent.properties }, templates: { ...current.templates, ...sent.templates } });
  }
  const { fd } = await guests.request(volumeRoot(place), { op: 'open-write', path, append: false, mode: 0o644 });
  try {
    await guests.write(fd!, Buffer.from(stringify({ ...next, templates: next.templates ?? {} })));
  } finally {
    await guests.close(fd!);
  }
}

/** The volume of an instance as the root of path walks: what an image planted there leads nowhere else. */
export function volumeRoot(place: InstancePlace): GuestRoot {
  return { root: place.volumePath, owner: { uid: 0, gid: 0 } };
}

async function load(guests: GuestFiles, place: InstancePlace): Promise<Metadata> {
  const { facts, fd } = await guests.request(volumeRoot(place), { op: 'open-read', path }).catch(missing);
  if (fd === undefined || facts === undefined) throw new LxdError('not-found', 'Not Found');
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of guests.read(fd, facts.sizeBytes)) {
    bytes += part.length;
    if (bytes > maxBytes) throw new LxdError('bad-request', 'metadata.yaml is larger than 1 MiB');
    parts.push(part);
  }
  return complete((parse(Buffer.concat(parts).toString(), { maxAliasCount: 20 }) ?? {}) as Partial<Metadata>);
}

/** Every field in LXD's order, whatever the file or the body holds beside them. */
function complete(metadata: Partial<Metadata>): Metadata {
  const templates = Object.entries(metadata.templates ?? {}).map(([file, entry]): [string, Template] => [
    file,
    { when: entry.when ?? [], create_only: entry.create_only ?? false, template: entry.template ?? '', properties: sortedMap(entry.properties ?? {}) },
  ]);
  return {
    architecture: metadata.architecture ?? '',
    creation_date: metadata.creation_date ?? 0,
    expiry_date: metadata.expiry_date ?? 0,
    properties: sortedMap(metadata.properties ?? {}),
    templates: metadata.templates ? sortedMap(Object.fromEntries(templates)) : null,
  };
}

function missing(error: unknown): { facts?: undefined; fd?: undefined } {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
  throw error;
}
