import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GuestFiles } from './guest-files.js';
import { readAhead } from './read-ahead.js';

let directory: string;
beforeAll(async () => void (directory = await mkdtemp(join(tmpdir(), 'asterism-read-'))));
afterAll(() => rm(directory, { recursive: true, force: true }));

async function opened(content: Buffer): Promise<number> {
  const path = join(directory, 'file');
  await writeFile(path, content);
  return (await open(path)).fd;
}

async function gathered(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const piece of pieces) all.push(Buffer.from(piece));
  return Buffer.concat(all);
}

describe('reading ahead', () => {
  it.each([0, 1, 1024, 512 * 1024, 512 * 1024 + 1, 1024 * 1024, 3_000_000])('gives back %i bytes', async (size) => {
    const content = randomBytes(size);
    expect((await gathered(readAhead(await opened(content), size))).equals(content)).toBe(true);
  });

  it('stops at what was asked for, and where the file ends', async () => {
    const content = randomBytes(2_000_000);
    expect((await gathered(readAhead(await opened(content), 1_500_000))).equals(content.subarray(0, 1_500_000))).toBe(true);
    expect((await gathered(readAhead(await opened(content), 9_000_000))).equals(content)).toBe(true);
  });

  it('of a guest’s file fails where less is there than was promised', async () => {
    const guests = new GuestFiles();
    await expect(gathered(guests.readExactly(await opened(randomBytes(2_000_000)), 2_000_001))).rejects.toThrow('became shorter');
  });
});
