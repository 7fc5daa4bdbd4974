import { LxdError } from '@asterism/errors';

export interface PartHeader {
  name: string;
  filename: string;
}

/** A part begins, or more of its bytes. */
export type MultipartEvent = { part: PartHeader } | { bytes: Buffer };

const maxHeaderBytes = 16 * 1024;
const headerEnd = Buffer.from('\r\n\r\n');

/** The boundary of a multipart/form-data body; throws in Go's words. */
export function boundaryOf(contentType: string): string {
  const boundary = /;\s*boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType);
  const value = boundary?.[1] ?? boundary?.[2] ?? '';
  if (value === '') throw new LxdError('bad-request', 'multipart: boundary is empty');
  return value;
}

/** Reads a multipart/form-data body as it arrives; no more than a boundary's length is ever held back. */
export async function* readMultipart(body: AsyncIterable<Buffer>, boundary: string): AsyncGenerator<MultipartEvent> {
  // With a line break in front, the first delimiter looks like the others.
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  let held: Buffer = Buffer.from('\r\n');
  let state: 'preamble' | 'header' | 'contents' = 'preamble';
  for await (const chunk of body) {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    for (;;) {
      if (state === 'header') {
        if (isEnd(held)) return;
        const end = held.indexOf(headerEnd);
        if (end > maxHeaderBytes || (end < 0 && held.length > maxHeaderBytes)) throw new LxdError('bad-request', 'multipart: header is too large');
        if (end < 0) break;
        yield { part: parseHeader(held.toString('utf8', 0, end)) };
        held = held.subarray(end + headerEnd.length);
        state = 'contents';
      }
      const at = held.indexOf(delimiter);
      const ready = at < 0 ? Math.max(0, held.length - delimiter.length + 1) : at;
      if (state === 'contents' && ready > 0) yield { bytes: held.subarray(0, ready) };
      held = held.subarray(at < 0 ? ready : at + delimiter.length);
      if (at < 0) break;
      state = 'header';
    }
  }
  if (state === 'header' && isEnd(held)) return;
  throw new LxdError('bad-request', state === 'preamble' ? 'multipart: NextPart: EOF' : 'unexpected EOF');
}

function isEnd(afterDelimiter: Buffer): boolean {
  return afterDelimiter.subarray(0, 2).toString('latin1') === '--';
}

function parseHeader(text: string): PartHeader {
  const disposition = text.split('\r\n').find((line) => /^content-disposition:/i.test(line)) ?? '';
  return { name: parameter(disposition, 'name'), filename: parameter(disposition, 'filename') };
}

function parameter(line: string, name: string): string {
  const match = new RegExp(`;\\s*${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^;\\s]+))`, 'i').exec(line);
  return match?.[1]?.replace(/\\(.)/g, '$1') ?? match?.[2] ?? '';
}
