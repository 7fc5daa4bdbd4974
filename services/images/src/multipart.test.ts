import { describe, expect, it } from 'vitest';
import { boundaryOf, readMultipart } from './multipart.js';

const body = Buffer.from(
  '--B\r\nContent-Disposition: form-data; name="metadata"; filename="m.tar.gz"\r\nContent-Type: application/octet-stream\r\n\r\nfirst\r\n--ogus\r\n\r\n' +
    '--B\r\nContent-Disposition: form-data; name=rootfs; filename="r \\"x\\".img"\r\n\r\n\r\n--B--\r\n',
);

async function read(bytes: Buffer, step: number, boundary = 'B'): Promise<string[]> {
  async function* chunks(): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step);
  }
  const parts: string[] = [];
  for await (const event of readMultipart(chunks(), boundary)) {
    if ('part' in event) parts.push(`${event.part.name}|${event.part.filename}|`);
    else parts[parts.length - 1] += event.bytes.toString();
  }
  return parts;
}

describe('a multipart body', () => {
  it('is read the same however it is cut', async () => {
    for (const step of [1, 2, 3, 7, 50, 10_000]) expect(await read(body, step)).toEqual(['metadata|m.tar.gz|first\r\n--ogus\r\n', 'rootfs|r "x".img|']);
  });

  it('is refused when it ends too early', async () => {
    await expect(read(body.subarray(0, 120), 10)).rejects.toThrow('unexpected EOF');
    await expect(read(Buffer.from('nothing'), 10)).rejects.toThrow('EOF');
  });

  it('is refused when a header has no end', async () => {
    await expect(read(Buffer.concat([Buffer.from('--B\r\n'), Buffer.alloc(40_000, 'x')]), 1000)).rejects.toThrow('header is too large');
  });

  it('needs a boundary', () => {
    expect(boundaryOf('multipart/form-data; boundary="a b"')).toBe('a b');
    expect(boundaryOf('multipart/form-data; boundary=ab; charset=x')).toBe('ab');
    expect(() => boundaryOf('multipart/form-data')).toThrow('multipart: boundary is empty');
  });
});
