import type { images } from '@asterism/proto';
import { contentOf, streamOf, type ApiRequest } from '../request.js';

/**
 * Tells the two kinds of POST /1.0/images apart: by content type where it is decisive, else by the first byte that is no white space.
 * The body comes back whole, what was looked at included.
 */
export async function looksLikeJson(request: ApiRequest): Promise<{ isJson: boolean; body: AsyncIterable<Buffer> }> {
  const type = request.headers['content-type'] ?? '';
  if (type.startsWith('application/json')) return { isJson: true, body: contentOf(request) };
  if (type.startsWith('application/octet-stream') || type.startsWith('multipart/form-data')) return { isJson: false, body: streamOf(request) };
  const chunks = streamOf(request)[Symbol.asyncIterator]();
  const first = await chunks.next();
  const start = first.done ? '{' : first.value.subarray(0, 64).toString('latin1').trimStart();
  return { isJson: start.startsWith('{'), body: rejoined(first, chunks) };
}

async function* rejoined(first: IteratorResult<Buffer>, rest: AsyncIterator<Buffer>): AsyncIterable<Buffer> {
  for (let next = first; !next.done; next = await rest.next()) yield next.value;
}

/** The upload as the images service takes it: what the headers say, then the body as it comes. */
export async function* uploadFrames(request: ApiRequest, project: string, body: AsyncIterable<Buffer>): AsyncIterable<images.UploadFrame> {
  const headers = Object.entries(request.headers).flatMap(([name, value]) => (name.startsWith('x-lxd-') ? [[name, String(value)]] : []));
  const header = { project, content_type: request.headers['content-type'] ?? '', headers: Object.fromEntries(headers) as Record<string, string> };
  yield { part: { $case: 'header', value: header } };
  for await (const chunk of body) yield { part: { $case: 'chunk', value: chunk } };
}
