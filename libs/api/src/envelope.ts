const newline = Buffer.from('\n');
const syncHead = Buffer.from('{"type":"sync","status":"Success","status_code":200,"operation":"","error_code":0,"error":"","metadata":');
const close = Buffer.from('}\n');

/** A synchronous answer around metadata that is JSON already; the bytes are not looked at. */
export function syncEnvelope(metadata: Uint8Array): Buffer {
  return Buffer.concat([syncHead, metadata, close]);
}

/** The same of a list whose entries come piece by piece: what stands before the first and after the last. */
export const listEnvelope = { head: Buffer.concat([syncHead, Buffer.from('[')]), close: Buffer.concat([Buffer.from(']'), close]) } as const;

/** The empty answers: of changes `{}`, of creations `null`. */
export const emptyEnvelope = syncEnvelope(Buffer.from('{}'));
export const createdEnvelope = syncEnvelope(Buffer.from('null'));

/** The answer that an operation was started; `operation` is LXD's Operation object as JSON. */
export function asyncEnvelope(url: string, operation: Uint8Array): Buffer {
  const head = `{"type":"async","status":"Operation created","status_code":100,"operation":${JSON.stringify(url)},"error_code":0,"error":"","metadata":`;
  return Buffer.concat([Buffer.from(head), operation, close]);
}

/** LXD ends errors with two newlines. */
export function errorEnvelope(code: number, message: string): Buffer {
  const json = `{"type":"error","status":"","status_code":0,"operation":"","error_code":${code},"error":${JSON.stringify(message)},"metadata":null}`;
  return Buffer.concat([Buffer.from(json), newline, newline]);
}
