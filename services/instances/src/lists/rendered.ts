import type { common } from '@asterism/proto';

/** JSON text as the answer that travels to the gateway. */
export function rendered(json: string, etag = ''): common.Document {
  return { json: Buffer.from(json), etag };
}
