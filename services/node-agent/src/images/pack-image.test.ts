import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemCall } from '@asterism/rpc';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { linuxHost } from '../host/linux-host.js';
import { honestArchive } from './hostile-archives.js';
import { StorageHandler } from '../storage/storage.handler.js';
import { imageSource } from './image-files.js';
import { ImagesHandler } from './images.handler.js';
import { compressorOf } from './pack-image.js';
import { unpackImage } from './unpack-image.js';

const host = linuxHost();
const call = systemCall();
let stateDir: string;
let images: ImagesHandler;
let volume: string;

beforeEach(async () => {
  stateDir = mkdtempSync(join(tmpdir(), 'asterism-pack-'));
  images = new ImagesHandler(host, stateDir);
  await images.start();
  volume = join(stateDir, 'volume');
  mkdirSync(volume);
  writeFileSync(join(stateDir, 'image'), await honestArchive());
  await unpackImage(host, { meta: join(stateDir, 'image'), target: volume });
});
afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

describe('an image of an instance', () => {
  for (const compression of ['gzip', 'gzip -9', 'none', 'zstd', 'xz']) {
    it(`unpacks to what the instance was, compression ${compression}`, async () => {
      writeFileSync(join(volume, 'rootfs/etc/new'), 'written inside');
      const upload_id = randomUUID();
      const request = { upload_id, path: volume, compression, architecture: 'x86_64', expiry_date: 0, properties: { mine: 'yes' } };
      const { fingerprint, type } = await images.pack(call, request);
      expect(type).toBe('container');
      await images.commit(call, { upload_id, fingerprint });
      const target = join(stateDir, 'target');
      mkdirSync(target);
      await unpackImage(host, { ...(await imageSource(host, stateDir, fingerprint)), target });
      expect(readFileSync(join(target, 'rootfs/etc/new'), 'utf8')).toBe('written inside');
      expect(parse(readFileSync(join(target, 'metadata.yaml'), 'utf8'))).toMatchObject({ architecture: 'x86_64', creation_date: 1, properties: { mine: 'yes' } });
      expect(readdirSync(join(stateDir, 'images'))).toEqual([fingerprint]);
    });
  }

  it('tells its operation how far it has come, once a second, and so does unpacking', async () => {
    const told: unknown[] = [];
    const operations = { update: async (_call: unknown, { metadata }: { metadata: Buffer }) => (told.push(JSON.parse(metadata.toString())), {}) };
    images = new ImagesHandler(host, stateDir, operations);
    let now = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => (now += 1200));
    const behind = { ...call, operation: 'o1' };
    const upload_id = randomUUID();
    const { fingerprint } = await images.pack(behind, { upload_id, path: volume, compression: 'none', architecture: 'x86_64', expiry_date: 0, properties: {} });
    await images.commit(call, { upload_id, fingerprint });
    expect(told[0]).toMatchObject({ progress: { stage: 'create_image_from_container_pack' }, create_image_from_container_pack_progress: expect.stringMatching(/^Image pack: \d+(\.\d\d)?k?B \(\d+(\.\d\d)?k?B\/s\)$/) });
    const storage = new StorageHandler(host, stateDir, operations);
    const pool = { name: 'p', driver: 'dir', config: {} };
    await storage.createPool(call, pool);
    told.length = 0;
    await storage.createVolume(behind, { volume: { pool, type: 'container', name: 'c1', content_type: 'filesystem', config: {}, size_bytes: 0 }, source: { $case: 'image_fingerprint', value: fingerprint } });
    clock.mockRestore();
    expect(told[0]).toMatchObject({ progress: { stage: 'create_instance_from_image_unpack' }, create_instance_from_image_unpack_progress: expect.stringMatching(/^Unpack: /) });
  });

  it('is refused for compressors nobody knows, and leaves nothing', async () => {
    for (const compression of ['rm -rf', 'gzip; rm', 'gzip -n -k', 'sh', '']) expect(() => compressorOf(compression)).toThrow('Invalid compression algorithm');
    const request = { upload_id: randomUUID(), path: join(stateDir, 'none'), compression: 'gzip', architecture: 'x86_64', expiry_date: 0, properties: {} };
    await expect(images.pack(call, request)).rejects.toThrow('rootfs');
    expect(readdirSync(join(stateDir, 'images'))).toEqual([]);
  });
});
