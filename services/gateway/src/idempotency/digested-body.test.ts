import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { DigestedBody } from './digested-body.js';

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const bodyOf = (chunks: Buffer[]): DigestedBody => new DigestedBody(Readable.from(chunks));

async function read(body: DigestedBody): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body.content()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('a digested body', () => {
  it('is known before it is read where it is small', async () => {
    const body = bodyOf([Buffer.from('he'), Buffer.from('llo')]);
    await body.hold();
    expect(body.digest).toBe(sha256(Buffer.from('hello')));
    expect((await read(body)).toString()).toBe('hello');
  });

  it('passes through where it is large, and is known at its end', async () => {
    const chunks = Array.from({ length: 40 }, (_, index) => Buffer.alloc(100_000, index));
    const body = bodyOf(chunks);
    await body.hold();
    expect(body.digest).toBe('');
    const whole = await read(body);
    expect(whole.equals(Buffer.concat(chunks))).toBe(true);
    expect(body.digest).toBe(sha256(whole));
  });

  it('that nobody wants is read for its digest', async () => {
    const chunks = Array.from({ length: 20 }, () => Buffer.alloc(100_000));
    const body = bodyOf(chunks);
    await body.hold();
    expect(await body.drain()).toBe(sha256(Buffer.concat(chunks)));
  });

  it('may be empty', async () => {
    const body = bodyOf([]);
    await body.hold();
    expect(body.digest).toBe(sha256(Buffer.alloc(0)));
    expect(await read(body)).toHaveLength(0);
  });
});
