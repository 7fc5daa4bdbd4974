import type { FastifyReply } from 'fastify';
import { Readable } from 'node:stream';
import type { Answer } from './answer.js';

interface Frame<H> {
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
  await reply.send(Readable.from(chunks(iterator), { objectMode: false, highWaterMark: 1024 * 1024 }));
}

async function* chunks<H>(iterator: AsyncIterator<Frame<H>>): AsyncIterable<Buffer> {
  try {
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
      if (next.value.part?.$case === 'chunk') yield next.value.part.value;
    }
  } finally {
    await iterator.return?.();
  }
}
