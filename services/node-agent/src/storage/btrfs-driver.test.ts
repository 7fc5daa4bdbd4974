import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linuxHost } from '../host/linux-host.js';
import { btrfsDriver } from './btrfs-driver.js';
import { storageDriverSuite } from './conformance.js';
import { Layout, type Pool, type Volume } from './layout.js';
import type { StorageDriver } from './storage-driver.js';

const host = linuxHost();
const newStateDir = (): Promise<string> => mkdtemp(join(tmpdir(), 'asterism-storage-'));
const btrfsPool = (config: Record<string, string>): Pool => ({ name: 'p1', driver: 'btrfs', config });
const run = (command: string, ...args: string[]): string => execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();

storageDriverSuite({
  title: 'btrfs in a loop file',
  driver: btrfsDriver,
  async open() {
    const stateDir = await newStateDir();
    return { stateDir, pool: btrfsPool({ size: '256MiB' }), close: () => rm(stateDir, { recursive: true }) };
  },
});

storageDriverSuite({
  title: 'btrfs on a block device',
  driver: btrfsDriver,
  async open() {
    const stateDir = await newStateDir();
    await writeFile(join(stateDir, 'device.img'), '');
    await truncate(join(stateDir, 'device.img'), 256 * 2 ** 20);
    const source = run('losetup', '--find', '--show', join(stateDir, 'device.img'));
    const close = async (): Promise<void> => {
      run('losetup', '--detach', source);
      await rm(stateDir, { recursive: true });
    };
    return { stateDir, pool: btrfsPool({ source }), close };
  },
});

async function mountedBtrfs(): Promise<{ stateDir: string; mount: string; close(): Promise<void> }> {
  const stateDir = await newStateDir();
  const [image, mount] = [join(stateDir, 'other.img'), join(stateDir, 'mount')];
  await writeFile(image, '');
  await truncate(image, 256 * 2 ** 20);
  await mkdir(mount);
  run('mkfs.btrfs', '-q', image);
  run('mount', '-o', 'loop', image, mount);
  const close = async (): Promise<void> => {
    run('umount', mount);
    await rm(stateDir, { recursive: true });
  };
  return { stateDir: join(stateDir, 'state'), mount, close };
}

storageDriverSuite({
  title: 'btrfs in an existing subvolume',
  driver: btrfsDriver,
  async open() {
    const { stateDir, mount, close } = await mountedBtrfs();
    run('btrfs', 'subvolume', 'create', join(mount, 'sub'));
    return { stateDir, pool: btrfsPool({ source: join(mount, 'sub') }), close };
  },
});

describe('a btrfs pool', () => {
  let place: Awaited<ReturnType<typeof mountedBtrfs>>;
  let layout: Layout;
  let driver: StorageDriver;
  let pool: Pool;
  const volume = (name: string, type = 'container'): Volume => ({ pool, type, name, content_type: 'filesystem', config: {}, size_bytes: 0 });
  beforeAll(async () => {
    place = await mountedBtrfs();
    layout = new Layout(place.stateDir);
    driver = btrfsDriver(host, layout);
    pool = { ...btrfsPool({}), config: await driver.createPool(btrfsPool({ source: join(place.mount, 'new') })) };
  });
  afterAll(async () => {
    await driver.deletePool(pool);
    await place.close();
  });

  it('makes the subvolume where there is none', () => expect(pool.config['volatile.initial_source']).toBe(join(place.mount, 'new')));

  it('wants a source that lies on a btrfs', async () => {
    await expect(driver.createPool({ ...btrfsPool({ source: '/proc' }), name: 'p2' })).rejects.toThrow('Provided path does not reside on a btrfs filesystem');
  });

  it('leaves no loop file that could not be formatted', async () => {
    await expect(driver.createPool({ ...btrfsPool({ size: '1MiB' }), name: 'p2' })).rejects.toThrow('Failed to format sparse file');
    expect(await readdir(join(place.stateDir, 'disks'))).toEqual([]);
  });

  it('seals snapshots and images', async () => {
    await driver.createVolume(volume('f00d', 'image'), async () => undefined);
    await expect(writeFile(join(layout.volume(volume('f00d', 'image')), 'file'), '')).rejects.toThrow('EROFS');
    await driver.copyVolume({ volume: volume('f00d', 'image') }, volume('c1'));
    await writeFile(join(layout.volume(volume('c1')), 'file'), '');
    await driver.snapshotVolume(volume('c1'), 's0');
    await expect(writeFile(join(layout.snapshot(volume('c1'), 's0'), 'file'), '')).rejects.toThrow('EROFS');
  });

  it('takes subvolumes that a guest made along, and deletes them', async () => {
    await driver.createVolume(volume('nested'), async () => undefined);
    const path = layout.volume(volume('nested'));
    await host.subvolumes.create(join(path, 'outer'));
    await host.subvolumes.create(join(path, 'outer/inner'));
    await writeFile(join(path, 'outer/inner/file'), 'deep');
    await driver.snapshotVolume(volume('nested'), 's0');
    await writeFile(join(path, 'outer/inner/file'), 'changed');
    await driver.restoreVolume(volume('nested'), 's0');
    expect(await host.files.readText(join(path, 'outer/inner/file'))).toBe('deep');
    await driver.deleteVolume(volume('nested'));
    expect(await host.files.exists(path)).toBe(false);
  });

  it('limits a volume and counts it', async () => {
    await driver.createVolume(volume('small'), async () => undefined);
    expect(await driver.quotas?.usage(volume('small'))).toBeUndefined();
    await driver.quotas?.limit(volume('small'), 5 * 2 ** 20);
    await expect(writeFile(join(layout.volume(volume('small')), 'big'), Buffer.alloc(20 * 2 ** 20, 1))).rejects.toThrow('-122');
    expect((await driver.quotas?.usage(volume('small')))?.totalBytes).toBe(5 * 2 ** 20);
    expect((await driver.quotas?.usage(volume('small')))?.usedBytes).toBeGreaterThan(0);
    await driver.quotas?.limit(volume('small'), 0);
    expect((await driver.quotas?.usage(volume('small')))?.totalBytes).toBe(-1);
    expect((await stat(layout.volume(volume('small')))).isDirectory()).toBe(true);
  });
});
