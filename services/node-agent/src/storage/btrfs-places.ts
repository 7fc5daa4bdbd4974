import { setTimeout as sleep } from 'node:timers/promises';
import { dirname } from 'node:path';
import { LxdError } from '@asterism/errors';
import { parseSize } from '@asterism/config-keys';
import type { Host } from '../host/host.js';
import { poolDirectories, type Layout, type Pool } from './layout.js';
import { nestedSubvolumes, subvolumeTrees } from './subvolume-trees.js';
import type { PoolPlaces } from './tree-driver.js';

const GiB = 2 ** 30;
const defaultMountOptions = 'user_subvol_rm_allowed';

/** A btrfs pool lies in a loop file of ours, on a block device, or in a subvolume of a file system that is there already. */
export class BtrfsPlaces implements PoolPlaces {
  constructor(
    private readonly host: Host,
    private readonly layout: Layout,
  ) {}

  async create(pool: Pool): Promise<Record<string, string>> {
    const path = this.layout.pool(pool.name);
    const config = await this.#prepare(pool);
    try {
      await this.host.files.mkdir(path, { mode: 0o711 });
      await this.mount({ ...pool, config });
      await this.host.files.chmod(path, 0o711);
    } catch (error) {
      await this.remove({ ...pool, config });
      throw error;
    }
    return config;
  }

  async mount(pool: Pool): Promise<void> {
    const path = this.layout.pool(pool.name);
    const source = pool.config['source'] ?? '';
    const options = pool.config['btrfs.mount_options'] || defaultMountOptions;
    const place = await this.#placeOf(pool.name, source);
    const mounted = await this.host.mounts.isMounted(path);
    if (place === 'subvolume') {
      if (!mounted) await this.host.files.mkdir(path, { mode: 0o711 }).then(() => this.host.mounts.bind(source, path));
      return;
    }
    await this.host.files.mkdir(path, { mode: 0o711 });
    const how = mounted ? ['remount', options] : place === 'loop' ? ['loop', options] : [options];
    await this.host.exec(['mount', '-t', 'btrfs', '-o', how.join(','), '--', source, path]);
  }

  async remove(pool: Pool): Promise<void> {
    const { host, layout } = this;
    const path = layout.pool(pool.name);
    const source = pool.config['source'] ?? '';
    const place = await this.#placeOf(pool.name, source);
    if (place === 'subvolume' && (await host.mounts.isMounted(path))) await this.#empty(path);
    await host.mounts.unmountTree(path);
    if (place === 'loop') await host.files.remove(layout.loopFile(pool.name));
    if (place === 'device') await this.#wipe(source);
    await host.files.remove(path);
  }

  /** A process that is just being jailed or contained holds every mount for some milliseconds, and the device with it. */
  async #wipe(device: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.host.exec(['wipefs', '--all', '--quiet', '--', device]);
        return;
      } catch (error) {
        if (attempt === 20 || !/busy/i.test(String(error))) throw error;
        await sleep(100);
      }
    }
  }

  /** Only what the pool made: the subvolume was somebody's before and may hold more. */
  async #empty(path: string): Promise<void> {
    const trees = subvolumeTrees(this.host);
    const ours = poolDirectories();
    for (const subvolume of await nestedSubvolumes(this.host, path)) {
      const inside = `${path}/${subvolume}`;
      if (ours.includes(subvolume.split('/')[0] ?? '') && (await this.host.files.exists(inside))) await trees.remove(inside);
    }
    for (const name of ours) await trees.remove(`${path}/${name}`);
  }

  async #prepare(pool: Pool): Promise<Record<string, string>> {
    const { size, ...rest } = pool.config;
    const source = rest['source'] ?? '';
    const place = await this.#placeOf(pool.name, source);
    if (place === 'loop') return { ...rest, ...(await this.#makeLoopFile(pool.name, size)) };
    if (place === 'device') await this.#format(pool.name, source, 'block device');
    else await this.#requireSubvolume(pool.name, source);
    return { ...rest, 'volatile.initial_source': source };
  }

  async #placeOf(pool: string, source: string): Promise<'loop' | 'device' | 'subvolume'> {
    if (source === '' || source === this.layout.loopFile(pool)) return 'loop';
    return (await this.host.files.isBlockDevice(source)) ? 'device' : 'subvolume';
  }

  async #makeLoopFile(pool: string, size: string | undefined): Promise<Record<string, string>> {
    const file = this.layout.loopFile(pool);
    const chosen = size || (await this.#defaultSize());
    await this.host.files.mkdir(dirname(file), { mode: 0o700 });
    if (await this.host.files.exists(file)) throw new LxdError('internal', `Loop file "${file}" already exists`);
    try {
      await this.host.files.sparse(file, parseSize(chosen) ?? 0, { mode: 0o600 });
      await this.#format(pool, file, 'sparse file');
    } catch (error) {
      await this.host.files.remove(file);
      throw error;
    }
    return { source: file, size: chosen };
  }

  /** A fifth of the file system where the state lies, 5 to 30 GiB, as the reference chooses. */
  async #defaultSize(): Promise<string> {
    const { totalBytes } = await this.host.files.space(this.layout.stateDir);
    return `${Math.max(5, Math.min(30, Math.floor(totalBytes / GiB / 5)))}GiB`;
  }

  async #format(pool: string, target: string, what: string): Promise<void> {
    try {
      await this.host.exec(['mkfs.btrfs', '-L', pool, target]);
    } catch (error) {
      throw new LxdError('internal', `Failed to format ${what}: ${(error as Error).message}`, { cause: error });
    }
  }

  async #requireSubvolume(pool: string, source: string): Promise<void> {
    const { files, subvolumes } = this.host;
    const { stateDir } = this.layout;
    const exists = await files.exists(source);
    if (exists && (await subvolumes.isSubvolume(source))) return;
    if (exists && !(await subvolumes.isBtrfs(source))) throw new LxdError('internal', 'Provided path does not reside on a btrfs filesystem');
    if (source.startsWith(`${stateDir}/`)) throw new LxdError('internal', `Only allowed source path under "${stateDir}" is "${this.layout.pool(pool)}"`);
    await this.#createSubvolume(source);
  }

  async #createSubvolume(path: string): Promise<void> {
    await this.host.exec(['btrfs', 'subvolume', 'create', path]);
  }
}
