import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { agentStorage } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { linuxHost } from '../host/linux-host.js';
import { StorageHandler } from './storage.handler.js';

const call = systemCall();
const host = linuxHost();
const image = 'f00d'.repeat(16);
const missing = '0'.repeat(64);
let stateDir: string;
let handler: StorageHandler;
const pools: Record<string, agentStorage.Pool> = {};

beforeAll(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'asterism-storage-'));
  await mkdir(join(stateDir, 'images'));
  await mkdir(join(stateDir, 'content/rootfs/etc'), { recursive: true });
  await writeFile(join(stateDir, 'content/metadata.yaml'), 'architecture: x86_64\ncreation_date: 1\n');
  await writeFile(join(stateDir, 'content/rootfs/etc/motd'), 'hello');
  execFileSync('tar', ['-czf', join(stateDir, 'images', image), '-C', join(stateDir, 'content'), '.']);
  handler = new StorageHandler(host, stateDir);
  const wished: agentStorage.Pool[] = [
    { name: 'plain', driver: 'dir', config: {} },
    { name: 'fast', driver: 'btrfs', config: { size: '256MiB' } },
  ];
  for (const pool of wished) {
    pools[pool.name] = { ...pool, config: (await handler.createPool(call, pool)).config };
  }
});
afterAll(async () => {
  for (const pool of Object.values(pools)) await handler.deletePool(call, pool);
  expect(await readdir(join(stateDir, 'storage-pools'))).toEqual([]);
  expect(await readdir(join(stateDir, 'disks'))).toEqual([]);
  await rm(stateDir, { recursive: true });
});

const volume = (pool: string, name: string, change: Partial<agentStorage.Volume> = {}): agentStorage.Volume => ({ pool: pools[pool], type: 'container', name, content_type: 'filesystem', config: {}, size_bytes: 0, ...change });
const fromImage = (fingerprint = image): agentStorage.CreateVolumeRequest['source'] => ({ $case: 'image_fingerprint', value: fingerprint });

describe.each(['plain', 'fast'])('volumes of the pool "%s"', (pool) => {
  it('are made from an image, as often as asked, and linked where users look', async () => {
    const request = { volume: volume(pool, `${pool}-c1`), source: fromImage() };
    const [first, second] = [await handler.createVolume(call, request), await handler.createVolume(call, request)];
    expect(first).toEqual(second);
    expect(await readFile(join(first.path, 'rootfs/etc/motd'), 'utf8')).toBe('hello');
    expect(await realpath(join(stateDir, 'containers', `${pool}-c1`))).toBe(first.path);
  });

  it('are not made from an image that is not there', async () => {
    await expect(handler.createVolume(call, { volume: volume(pool, 'c2'), source: fromImage(missing) })).rejects.toThrow('is not on this member');
    await expect(handler.locateVolume(call, volume(pool, 'c2'))).rejects.toThrow('Storage pool volume not found');
    expect(await readdir(join(stateDir, 'storage-pools', pool, 'containers'))).not.toContain('c2');
    if (pool === 'fast') expect(await readdir(join(stateDir, 'storage-pools/fast/images'))).not.toContain(missing);
  });

  it('are made from one image by many at once', async () => {
    const names = ['m1', 'm2', 'm3', 'm4'];
    await Promise.all(names.map((name) => handler.createVolume(call, { volume: volume(pool, name), source: fromImage() })));
    for (const name of names) expect(await readFile(join(stateDir, 'containers', name, 'rootfs/etc/motd'), 'utf8')).toBe('hello');
    await Promise.all(names.map((name) => handler.deleteVolume(call, volume(pool, name))));
    expect((await readdir(join(stateDir, 'containers'))).filter((name) => names.includes(name))).toEqual([]);
  });

  it('are snapshotted, restored, renamed and deleted, each as often as asked', async () => {
    const c = volume(pool, 'c3');
    const { path } = await handler.createVolume(call, { volume: c, source: fromImage() });
    for (let time = 0; time < 2; time++) await handler.snapshotVolume(call, { volume: c, snapshot: 's0' });
    await writeFile(join(path, 'rootfs/etc/motd'), 'changed');
    for (let time = 0; time < 2; time++) await handler.restoreVolume(call, { volume: c, snapshot: 's0' });
    expect(await readFile(join(path, 'rootfs/etc/motd'), 'utf8')).toBe('hello');
    for (let time = 0; time < 2; time++) await handler.renameSnapshot(call, { snapshot: { volume: c, snapshot: 's0' }, new_name: 's1' });
    for (let time = 0; time < 2; time++) await handler.renameVolume(call, { volume: c, new_name: 'c4' });
    expect(await readdir(join(stateDir, 'snapshots/c4'))).toEqual(['s1']);
    expect(await readdir(join(stateDir, 'containers'))).not.toContain('c3');
    for (let time = 0; time < 2; time++) await handler.deleteVolume(call, volume(pool, 'c4'));
    expect(await readdir(join(stateDir, 'snapshots'))).not.toContain('c4');
  });

  it('are copied to both pools with their snapshots', async () => {
    const source = volume(pool, `${pool}-source`);
    await handler.createVolume(call, { volume: source, source: fromImage() });
    await handler.snapshotVolume(call, { volume: source, snapshot: 's0' });
    for (const to of ['plain', 'fast']) {
      const target = volume(to, `${pool}-to-${to}`);
      const { path } = await handler.createVolume(call, { volume: target, source: { $case: 'copy', value: { volume: source, snapshot: '', with_snapshots: ['s0'] } } });
      expect(await readFile(join(path, 'rootfs/etc/motd'), 'utf8')).toBe('hello');
      expect(await readFile(join(stateDir, 'snapshots', target.name, 's0/rootfs/etc/motd'), 'utf8')).toBe('hello');
    }
  });
});

describe('pools', () => {
  it('are made once', async () => {
    expect((await handler.createPool(call, { name: 'fast', driver: 'btrfs', config: { size: '256MiB' } })).config).toEqual(pools['fast']?.config);
  });

  it('do not take a directory that is there', async () => {
    await mkdir(join(stateDir, 'storage-pools/taken'));
    await expect(handler.createPool(call, { name: 'taken', driver: 'dir', config: {} })).rejects.toThrow(/Storage pool directory ".*taken" already exists/);
    await rm(join(stateDir, 'storage-pools/taken'), { recursive: true });
  });

  it('are mounted again by an agent that starts', async () => {
    await host.mounts.unmountTree(join(stateDir, 'storage-pools/fast'));
    expect(await new StorageHandler(host, stateDir).start()).toEqual([]);
    expect(await readFile(join(stateDir, 'containers/fast-c1/rootfs/etc/motd'), 'utf8')).toBe('hello');
  });

  it('whose making was killed are gone when an agent starts', async () => {
    const half = { name: 'half', driver: 'btrfs', config: {} };
    await writeFile(join(stateDir, 'disks/half.img'), 'half');
    await mkdir(join(stateDir, 'storage-pools/half'));
    await writeFile(join(stateDir, 'pools/half.json'), JSON.stringify({ pool: half, state: 'creating' }));
    expect(await new StorageHandler(host, stateDir).start()).toEqual([]);
    expect(await readdir(join(stateDir, 'disks'))).toEqual(['fast.img']);
    expect(await readdir(join(stateDir, 'storage-pools'))).not.toContain('half');
  });

  it('that cannot be mounted do not keep the others from it', async () => {
    const lost = { name: 'lost', driver: 'btrfs', config: { source: '/nowhere/lost.img' } };
    await writeFile(join(stateDir, 'pools/lost.json'), JSON.stringify({ pool: lost, state: 'ready' }));
    const failed = await new StorageHandler(host, stateDir).start();
    expect(failed.map(({ pool }) => pool)).toEqual(['lost']);
    await rm(join(stateDir, 'pools/lost.json'));
    await rm(join(stateDir, 'storage-pools/lost'), { recursive: true });
  });
});
