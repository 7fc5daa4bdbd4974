import { mkdir, readFile, readdir, stat, symlink, writeFile, chown, link as hardLink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { linuxHost } from '../host/linux-host.js';
import type { Host } from '../host/host.js';
import { Layout, type Pool, type Volume } from './layout.js';
import type { StorageDriver } from './storage-driver.js';

export interface DriverUnderTest {
  /** What the suite is about: "btrfs in a loop file". */
  title: string;
  driver(host: Host, layout: Layout): StorageDriver;
  /** Makes a state directory and whatever else the pool needs; `close` leaves no trace. */
  open(): Promise<{ stateDir: string; pool: Pool; close(): Promise<void> }>;
}

/** What every storage driver must do. Runs on the real host, as root. */
export function storageDriverSuite(subject: DriverUnderTest): void {
  describe(subject.title, () => {
    const host = linuxHost();
    let place: Awaited<ReturnType<DriverUnderTest['open']>>;
    let layout: Layout;
    let driver: StorageDriver;
    let pool: Pool;
    let next = 0;
    let volume: Volume;

    beforeAll(async () => {
      place = await subject.open();
      layout = new Layout(place.stateDir);
      driver = subject.driver(host, layout);
      pool = { ...place.pool, config: await driver.createPool(place.pool) };
    });
    afterAll(async () => {
      await driver.deletePool(pool);
      await driver.deletePool(pool);
      expect(await host.files.exists(layout.pool(pool.name))).toBe(false);
      await place.close();
    });
    beforeEach(() => {
      volume = named(`v${++next}`);
    });
    afterEach(async () => {
      expect(await readdir(layout.scratch(pool.name))).toEqual([]);
    });

    const named = (name: string, type = 'container'): Volume => ({ pool, type, name, content_type: 'filesystem', config: {}, size_bytes: 0 });
    const write = async (directory: string): Promise<void> => {
      await mkdir(join(directory, 'rootfs'));
      await writeFile(join(directory, 'rootfs/file'), 'one');
      await chown(join(directory, 'rootfs/file'), 100123, 100456);
      await hardLink(join(directory, 'rootfs/file'), join(directory, 'rootfs/same'));
      await symlink('/etc/passwd', join(directory, 'rootfs/link'));
    };
    const content = (of: string): Promise<string> => readFile(join(of, 'rootfs/file'), 'utf8');
    const path = (of = volume): string => layout.volume(of);

    it('chooses a source', () => expect(pool.config['source']).toMatch(/^\//));

    it('lays the pool out for every type, closed to others', async () => {
      const modes = await Promise.all(['containers', 'containers-snapshots', 'custom', 'custom-snapshots', 'images', 'virtual-machines'].map(async (name) => (await stat(join(layout.pool(pool.name), name))).mode & 0o777));
      expect(modes.map((mode) => mode.toString(8))).toEqual(['711', '711', '700', '700', '700', '700']);
    });

    it('makes an empty volume', async () => {
      await driver.createVolume(volume);
      expect(await readdir(path())).toEqual([]);
      expect((await stat(path())).mode & 0o777).toBe(0o100);
    });

    it('makes custom volumes that others may pass through', async () => {
      const custom = named(`default_${volume.name}`, 'custom');
      await driver.createVolume(custom);
      expect((await stat(path(custom))).mode & 0o777).toBe(0o711);
    });

    it('shows a volume only when it is filled', async () => {
      await driver.createVolume(volume, async (directory) => {
        expect(await host.files.exists(path())).toBe(false);
        await write(directory);
      });
      expect(await content(path())).toBe('one');
    });

    it('leaves nothing of a volume that could not be filled', async () => {
      const failing = driver.createVolume(volume, async (directory) => {
        await write(directory);
        throw new Error('the disk is full');
      });
      await expect(failing).rejects.toThrow('the disk is full');
      expect(await host.files.exists(path())).toBe(false);
    });

    it('sweeps what a killed creation left, but not when it is only mounted', async () => {
      const rest = join(layout.scratch(pool.name), 'rest');
      await mkdir(rest);
      await write(rest);
      await driver.mountPool(pool);
      expect(await readdir(layout.scratch(pool.name))).toEqual(['rest']);
      await driver.sweepPool(pool);
    });

    it('copies a volume with owners, links and modes', async () => {
      await driver.createVolume(volume, write);
      const copy = named(`${volume.name}-copy`);
      await driver.copyVolume({ volume }, copy);
      const [file, same] = await Promise.all([stat(join(path(copy), 'rootfs/file')), stat(join(path(copy), 'rootfs/same'))]);
      expect([file.uid, file.gid, file.ino]).toEqual([100123, 100456, same.ino]);
      expect(await host.files.readlink(join(path(copy), 'rootfs/link'))).toBe('/etc/passwd');
      await writeFile(join(path(copy), 'rootfs/file'), 'two');
      expect(await content(path())).toBe('one');
    });

    it('copies a snapshot into a volume that can be written', async () => {
      await driver.createVolume(volume, write);
      await driver.snapshotVolume(volume, 's0');
      await writeFile(join(path(), 'rootfs/file'), 'two');
      const copy = named(`${volume.name}-copy`);
      await driver.copyVolume({ volume, snapshot: 's0' }, copy);
      expect(await content(path(copy))).toBe('one');
      await writeFile(join(path(copy), 'rootfs/file'), 'three');
    });

    it('keeps a snapshot as it was', async () => {
      await driver.createVolume(volume, write);
      await driver.snapshotVolume(volume, 's0');
      await writeFile(join(path(), 'rootfs/file'), 'two');
      expect(await content(layout.snapshot(volume, 's0'))).toBe('one');
      expect((await stat(layout.snapshots(volume))).mode & 0o777).toBe(0o700);
    });

    it('makes a snapshot from elsewhere', async () => {
      await driver.createVolume(volume);
      await driver.snapshotVolume(volume, 's0', write);
      expect(await content(layout.snapshot(volume, 's0'))).toBe('one');
    });

    it('makes a snapshot of another volume its own', async () => {
      await driver.createVolume(volume, write);
      await driver.snapshotVolume(volume, 's0');
      const copy = named(`${volume.name}-copy`);
      await driver.createVolume(copy, async () => undefined);
      await driver.copySnapshot({ volume, snapshot: 's0' }, copy, 's0');
      await driver.deleteVolume(volume);
      await driver.restoreVolume(copy, 's0');
      expect(await content(path(copy))).toBe('one');
    });

    it('brings a copy up to date, also where only the contents differ', async () => {
      await driver.createVolume(volume, write);
      const copy = named(`${volume.name}-copy`);
      await driver.copyVolume({ volume }, copy);
      await writeFile(join(path(), 'rootfs/file'), 'two');
      await writeFile(join(path(copy), 'rootfs/own'), 'x');
      await driver.refreshVolume({ volume }, copy);
      expect(await content(path(copy))).toBe('two');
      expect(await readdir(join(path(copy), 'rootfs'))).toEqual(await readdir(join(path(), 'rootfs')));
      await writeFile(join(path(copy), 'rootfs/file'), 'three');
      expect(await content(path())).toBe('two');
    });

    it('restores a snapshot more than once', async () => {
      await driver.createVolume(volume, write);
      await driver.snapshotVolume(volume, 's0');
      for (const text of ['two', 'three']) {
        await writeFile(join(path(), 'rootfs/file'), text);
        await writeFile(join(path(), 'rootfs/new'), text);
        await driver.restoreVolume(volume, 's0');
        expect(await content(path())).toBe('one');
        expect(await host.files.exists(join(path(), 'rootfs/new'))).toBe(false);
      }
      await driver.deleteSnapshot(volume, 's0');
      expect(await content(path())).toBe('one');
    });

    it('refuses to restore a snapshot that is not there and keeps the volume', async () => {
      await driver.createVolume(volume, write);
      await expect(driver.restoreVolume(volume, 'nope')).rejects.toThrow('Snapshot not found');
      expect(await content(path())).toBe('one');
    });

    it('renames a volume with its snapshots, and once is enough', async () => {
      await driver.createVolume(volume, write);
      await driver.snapshotVolume(volume, 's0');
      const renamed = named(`${volume.name}-renamed`);
      await driver.renameVolume(volume, renamed.name);
      await driver.renameVolume(volume, renamed.name);
      expect(await content(path(renamed))).toBe('one');
      expect(await content(layout.snapshot(renamed, 's0'))).toBe('one');
      expect(await host.files.exists(path())).toBe(false);
    });

    it('renames a snapshot', async () => {
      await driver.createVolume(volume, write);
      await driver.snapshotVolume(volume, 's0');
      await driver.renameSnapshot(volume, 's0', 's1');
      expect(await readdir(layout.snapshots(volume))).toEqual(['s1']);
    });

    it('deletes a snapshot, and the directory of the last one', async () => {
      await driver.createVolume(volume, write);
      await driver.snapshotVolume(volume, 's0');
      await driver.snapshotVolume(volume, 's1');
      await driver.deleteSnapshot(volume, 's0');
      expect(await readdir(layout.snapshots(volume))).toEqual(['s1']);
      await driver.deleteSnapshot(volume, 's1');
      await driver.deleteSnapshot(volume, 's1');
      expect(await host.files.exists(layout.snapshots(volume))).toBe(false);
    });

    it('deletes a volume with its snapshots, and again', async () => {
      await driver.createVolume(volume, write);
      await driver.snapshotVolume(volume, 's0');
      await driver.deleteVolume(volume);
      await driver.deleteVolume(volume);
      expect(await host.files.exists(path())).toBe(false);
      expect(await host.files.exists(layout.snapshots(volume))).toBe(false);
    });

    it('does not delete what is mounted inside', async () => {
      await driver.createVolume(volume, write);
      const outside = join(place.stateDir, `outside-${volume.name}`);
      await mkdir(outside);
      await writeFile(join(outside, 'kept'), '');
      await mkdir(join(path(), 'rootfs/mnt'));
      await host.mounts.bind(outside, join(path(), 'rootfs/mnt'));
      await driver.deleteVolume(volume);
      expect(await readdir(outside)).toEqual(['kept']);
    });

    it('tells how full it is', async () => {
      const usage = await driver.poolUsage(pool);
      expect(usage.space_total_bytes).toBeGreaterThan(usage.space_used_bytes);
      expect(usage.space_used_bytes).toBeGreaterThan(0);
    });

    it('refuses names that lead elsewhere', async () => {
      for (const name of ['..', '.', '', 'a/b', 'a\nb', '../../etc']) {
        await expect(driver.createVolume(named(name), async () => undefined)).rejects.toThrow('Invalid name');
      }
    });
  });
}
