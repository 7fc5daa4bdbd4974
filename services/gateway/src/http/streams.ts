import type { FastifyReply } from 'fastify';
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Answer } from './answer.js';

/** A piece of an answer: its header first, then the bytes. */
export interface Frame<H> {
  part: { $case: 'header'; value: H } | { $case: 'chunk'; value: Buffer } | undefined;
}

/**
 * Sends a stream of one header and then chunks as the body of an answer, at the client's pace. The header's reader sets the answer's
 * headers, and may answer something whole instead. Errors before the header become ordinary error answers.
 */
export async function sendFrames<H>(frames: AsyncIterable<Frame<H>>, reply: FastifyReply, onHeader: (header: H) => Answer | undefined): Promise<void> {
  const iterator = frames[Symbol.asyncIterator]();
  const first = await iterator.next();
  const part = first.done ? undefined : first.value.part;
  if (part?.$case !== 'header') throw new Error('a stream began without its header');
  const whole = onHeader(part.value);
  if (whole) {
    await iterator.return?.();
    if (!reply.hasHeader('Content-Type')) reply.header('Content-Type', 'application/json');
    await reply.code(whole.status).send(whole.body);
    return;
  }
  await sendChunks(iterator, reply);
}

/** Each chunk is with the kernel before the next is asked for, so that whoever reads files may use its buffers again. */
async function sendChunks<H>(iterator: AsyncIterator<Frame<H>>, reply: FastifyReply): Promise<void> {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(reply.statusCode, reply.getHeaders() as OutgoingHttpHeaders);
  try {
    for (let next = await iterator.next(); !next.done && !raw.destroyed; next = await iterator.next()) {
      if (next.value.part?.$case === 'chunk') await write(raw, next.value.part.value);
    }
    raw.end();
  } catch (error) {
    // The answer has begun: a cut connection is all that can be told.
    raw.destroy(error instanceof Error ? error : undefined);
  } finally {
    await iterator.return?.();
  }
}

export function write(raw: ServerResponse, chunk: Buffer): Promise<void> {
  return new Promise((resolve, reject) => raw.write(chunk, (error) => (error ? reject(error) : resolve())));
}
