import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';

/** As much as may wait for a slow reader, so that whoever produces goes on while the reader still starts. */
const waitingBytes = 4 * 1024 * 1024;

/** Writes, and waits where too much is waiting already. Rejects with the stream's error; resolves false once nobody reads any more. */
export async function written(out: Writable, chunk: Buffer): Promise<boolean> {
  if (out.errored) throw out.errored;
  if (!out.writable) return false;
  if (out.write(chunk) || out.writableLength < waitingBytes) return true;
  await new Promise<void>((resolve, reject) => {
    const events = ['drain', 'close', 'error'] as const;
    const done = (error?: Error): void => {
      for (const event of events) out.removeListener(event, done);
      if (error) reject(error);
      else resolve();
    };
    for (const event of events) out.on(event, done);
  });
  return out.writable;
}

/** Ends the stream and waits until all of it was taken; rejects with what went wrong, now or before. */
export async function ended(out: Writable): Promise<void> {
  out.end();
  await finished(out, { readable: false });
}
