import { createHash } from 'node:crypto';
import { LxdError } from '@asterism/errors';

/** A rendered answer as `common.v1.Document` carries it. */
export interface RenderedDocument {
  json: Buffer;
  etag: string;
}

/** Renders an answer's metadata; `etagOf` names what its ETag covers, absent where LXD gives none. */
export function document(value: unknown, etagOf?: unknown): RenderedDocument {
  return { json: Buffer.from(JSON.stringify(value)), etag: etagOf === undefined ? '' : etag(etagOf) };
}

/** LXD's ETag: SHA-256 of the JSON line that Go writes. */
export function etag(value: unknown): string {
  return createHash('sha256').update(goJson(value)).update('\n').digest('hex');
}

/** Refuses a change whose If-Match names another state than the present one; an empty header asks for nothing. */
export function requireMatch(ifMatch: string, value: unknown): void {
  const sent = ifMatch.replace(/^"+|"+$/g, '');
  if (sent === '') return;
  const current = etag(value);
  if (sent !== current) throw new LxdError('precondition-failed', `ETag doesn't match: ${current} vs ${sent}`);
}

/** A map in the order Go renders it: sorted by the bytes of its keys. */
export function sortedMap<T>(map: Readonly<Record<string, T>>): Record<string, T> {
  const sorted: Record<string, T> = Object.create(null) as Record<string, T>;
  for (const key of Object.keys(map).sort()) sorted[key] = map[key] as T;
  return sorted;
}

/** Config without empty values, which LXD does not store. */
export function withoutEmpty(config: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== ''));
}

function goJson(value: unknown): string {
  return JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
