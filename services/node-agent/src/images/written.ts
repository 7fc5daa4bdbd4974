import type { Writable } from 'node:stream';

/** Writes, and waits where the stream is full. Rejects with the stream's error; resolves false once nobody reads any more. */
export async function written(out: Writable, chunk: Buffer): Promise<boolean> {
  if (out.errored) throw out.errored;
  if (!out.writable) return false;
  if (out.write(chunk)) return true;
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
