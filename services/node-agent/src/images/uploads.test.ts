import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { agentImages } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { linuxHost } from '../host/linux-host.js';
import { honestArchive, hostileArchives, tarOf, withEntries } from './hostile-archives.js';
import { ImagesHandler } from './images.handler.js';

let stateDir: string;
let images: ImagesHandler;
const call = systemCall();

beforeEach(async () => {
  stateDir = mkdtempSync(join(tmpdir(), 'asterism-images-'));
  images = new ImagesHandler(linuxHost(), stateDir);
  await images.start();
});
afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

interface Sent {
  file: string;
  bytes: Buffer;
}

async function* frames(uploadId: string, parts: Sent[], expected = ''): AsyncGenerator<agentImages.ReceiveFrame> {
  for (const { file, bytes } of parts) {
    yield { part: { $case: 'header', value: { upload_id: uploadId, file, max_bytes: 0, expected_fingerprint: expected } } };
    for (let at = 0; at < bytes.length; at += 1000) yield { part: { $case: 'chunk', value: bytes.subarray(at, at + 1000) } };
  }
}

const left = (): string[] => readdirSync(join(stateDir, 'images'));
const sha256 = (...parts: Buffer[]): string => createHash('sha256').update(Buffer.concat(parts)).digest('hex');

describe('an image on its way in', () => {
  it('is hashed, read, committed and read back', async () => {
    const bytes = gzipSync(await honestArchive());
    const id = randomUUID();
    const received = await images.receive(call, frames(id, [{ file: 'meta', bytes }]));
    expect(received).toMatchObject({ fingerprint: sha256(bytes), size_bytes: bytes.length, type: 'container' });
    expect(JSON.parse(received.metadata.toString())).toMatchObject({ architecture: 'x86_64', creation_date: 1 });
    await images.commit(call, { upload_id: id, fingerprint: received.fingerprint });
    await images.commit(call, { upload_id: id, fingerprint: received.fingerprint });
    expect(left()).toEqual([received.fingerprint]);
    expect(await images.files(call, { fingerprint: received.fingerprint })).toMatchObject({ present: true, meta_extension: 'tar.gz', rootfs_bytes: -1 });
    const chunks: Buffer[] = [];
    for await (const { data } of images.read(call, { fingerprint: received.fingerprint, file: 'meta' })) chunks.push(data);
    expect(Buffer.concat(chunks)).toEqual(bytes);
    await images.delete(call, { fingerprint: received.fingerprint });
    expect(left()).toEqual([]);
  });

  it('may come in two parts, whose fingerprint is that of both', async () => {
    const meta = await tarOf([{ name: 'metadata.yaml', content: 'architecture: x86_64\ncreation_date: 7\n' }]);
    const rootfs = await tarOf([{ name: 'etc', type: 'directory' }]);
    const id = randomUUID();
    const received = await images.receive(call, frames(id, [{ file: 'meta', bytes: meta }, { file: 'rootfs', bytes: rootfs }]));
    expect(received).toMatchObject({ fingerprint: sha256(meta, rootfs), type: 'container' });
    await images.commit(call, { upload_id: id, fingerprint: received.fingerprint });
    expect(readFileSync(join(stateDir, 'images', `${received.fingerprint}.rootfs`))).toEqual(rootfs);
  });

  it('leaves nothing when its fingerprint is another', async () => {
    const bytes = await honestArchive();
    await expect(images.receive(call, frames(randomUUID(), [{ file: 'meta', bytes }], '1234'))).rejects.toThrow(`fingerprints don't match, got ${sha256(bytes)} expected 1234`);
    expect(left()).toEqual([]);
  });

  it('leaves nothing when the sender goes away', async () => {
    const bytes = await honestArchive();
    async function* broken(): AsyncGenerator<agentImages.ReceiveFrame> {
      yield* frames(randomUUID(), [{ file: 'meta', bytes }]);
      throw new Error('connection lost');
    }
    await expect(images.receive(call, broken())).rejects.toThrow('connection lost');
    expect(left()).toEqual([]);
  });

  it('leaves nothing when it is hostile', async () => {
    const hostile = hostileArchives.filter(({ what }) => !what.startsWith('no '));
    for (const { bytes, refusal } of hostile) {
      await expect(images.receive(call, frames(randomUUID(), [{ file: 'meta', bytes: await bytes() }]))).rejects.toThrow();
      expect(refusal).toBeDefined();
    }
    expect(left()).toEqual([]);
  });

  it('is refused when it is empty, too large, or no image', async () => {
    const id = randomUUID();
    await expect(images.receive(call, frames(id, [{ file: 'meta', bytes: Buffer.alloc(0) }]))).rejects.toThrow('EOF');
    await expect(images.receive(call, frames(id, [{ file: 'meta', bytes: Buffer.from('hello') }]))).rejects.toThrow('Unsupported compression');
    await expect(images.receive(call, frames(id, [{ file: 'meta', bytes: await tarOf([{ name: 'x', content: 'y' }]) }]))).rejects.toThrow('Metadata tarball is missing metadata.yaml');
    await expect(images.receive(call, frames('../../etc', [{ file: 'meta', bytes: Buffer.alloc(1) }]))).rejects.toThrow('Invalid upload id');
    await expect(images.commit(call, { upload_id: id, fingerprint: '../x' })).rejects.toThrow('Invalid image fingerprint');
    expect(left()).toEqual([]);
  });

  it('is refused when it was cut off', async () => {
    const bytes = gzipSync(await withEntries({ name: 'rootfs/large', content: randomUUID().repeat(1000) })).subarray(0, -200);
    await expect(images.receive(call, frames(randomUUID(), [{ file: 'meta', bytes }]))).rejects.toThrow('Corrupt image archive: gzip: unexpected end of file');
    expect(left()).toEqual([]);
  });

  it('is swept at start when a crash cut it, and stays when it is whole: a task may go on with it', async () => {
    const id = randomUUID();
    await images.receive(call, frames(id, [{ file: 'meta', bytes: await honestArchive() }]));
    expect(left()).toEqual([`upload-${id}`]);
    const [cut, old] = [join(stateDir, 'images', `upload-${randomUUID()}.partial`), join(stateDir, 'images', `upload-${randomUUID()}`)];
    for (const directory of [cut, old]) {
      mkdirSync(directory);
      utimesSync(directory, 0, 0);
    }
    await new ImagesHandler(linuxHost(), stateDir).start();
    expect(left()).toEqual([`upload-${id}`]);
  });
});
