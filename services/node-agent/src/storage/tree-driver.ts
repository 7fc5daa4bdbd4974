import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { LxdError } from '@asterism/errors';
import type { agentStorage } from '@asterism/proto';
import type { Host } from '../host/host.js';
import { typeDirectories, typeDirectory, type Layout, type Pool, type Volume } from './layout.js';
import { syncTree, type CopyOptions } from './plain-trees.js';
import type { FillOptions, CopySource, StorageDriver, VolumeQuotas, VolumeStreams } from './storage-driver.js';

/** Where a pool lies on the host. */
export interface PoolPlaces {
  /** Makes the place and mounts it at the pool's path. */
  create(pool: Pool): Promise<Record<string, string>>;
  remove(pool: Pool): Promise<void>;
  mount(pool: Pool): Promise<void>;
}

/** What a volume is on disk: a directory, or a subvolume. */
export interface Trees {
  make(path: string): Promise<void>;
  /** An empty one with its final mode, in one step, where that is possible. */
  makeAtOnce?(path: string, mode: number): Promise<void>;
  /** Copies everything, `to` included; nothing is at `to`. */
  copy(from: string, to: string, options: CopyOptions): Promise<void>;
  /** The same in one step where that is possible; false where it is not and nothing was done. */
  copyAtOnce?(from: string, to: string, options: { readonly: boolean }): Promise<boolean>;
  seal?(path: string): Promise<void>;
  remove(path: string): Promise<void>;
}

export interface TreeParts {
  host: Host;
  layout: Layout;
  places: PoolPlaces;
  trees: Trees;
  keepsImages?: true;
  quotas?: VolumeQuotas;
  streams?: VolumeStreams;
}

/** Storage whose volumes are trees of one mounted file system, snapshots too. */
export class TreeDriver implements StorageDriver {
  readonly keepsImages?: true;
  readonly quotas?: VolumeQuotas;
  readonly streams?: VolumeStreams;
  /** Trees that were deleted and are still being removed. */
  readonly #leaving = new Set<Promise<unknown>>();

  constructor(private readonly parts: TreeParts) {
    if (parts.keepsImages) this.keepsImages = true;
    if (parts.quotas) this.quotas = parts.quotas;
    if (parts.streams) this.streams = parts.streams;
  }

  async createPool(pool: Pool): Promise<Record<string, string>> {
    const config = await this.parts.places.create(pool);
    await this.#makeTypeDirectories(pool);
    return config;
  }

  async deletePool(pool: Pool): Promise<void> {
    await Promise.all(this.#leaving);
    await this.sweepPool(pool);
    await this.parts.places.remove(pool);
  }

  async mountPool(pool: Pool): Promise<void> {
    await this.parts.places.mount(pool);
    await this.#makeTypeDirectories(pool);
  }

  async sweepPool(pool: Pool): Promise<void> {
    const { host, layout, trees } = this.parts;
    const scratch = layout.scratch(pool.name);
    if (!(await host.files.exists(scratch))) return;
    for (const name of await host.files.readdir(scratch)) await trees.remove(join(scratch, name));
  }

  async poolUsage(pool: Pool): Promise<agentStorage.PoolUsage> {
    const space = await this.parts.host.files.space(this.parts.layout.pool(pool.name));
    return {
      space_total_bytes: space.totalBytes,
      space_used_bytes: space.usedBytes,
      inodes_total: space.totalInodes,
      inodes_used: space.totalInodes - space.freeInodes,
    };
  }

  async createVolume(volume: Volume, fill?: (directory: string) => Promise<void>, { makesDirectory = false }: FillOptions = {}): Promise<void> {
    const { host, layout, trees } = this.parts;
    const { volumeMode } = typeDirectory(volume.type);
    if (!fill && trees.makeAtOnce) return trees.makeAtOnce(layout.volume(volume), volumeMode);
    await this.#inScratch(volume.pool, async (scratch) => {
      if (!makesDirectory) await trees.make(scratch);
      await fill?.(scratch);
      await host.files.chmod(scratch, volumeMode);
      await host.files.rename(scratch, layout.volume(volume));
    });
    if (volume.type === 'image') await trees.seal?.(layout.volume(volume));
  }

  async copyVolume(source: CopySource, target: Volume): Promise<void> {
    const { host, layout } = this.parts;
    const to = layout.volume(target);
    await this.#copy(target.pool, this.#pathOf(source), to, { readonly: false, still: source.snapshot !== undefined });
    await host.files.chmod(to, typeDirectory(target.type).volumeMode);
  }

  async refreshVolume(source: CopySource, volume: Volume): Promise<void> {
    const { host, layout, trees } = this.parts;
    const [from, to] = [this.#pathOf(source), layout.volume(volume)];
    const near = source.volume.pool.name === volume.pool.name;
    const done = await this.#inScratch(volume.pool, async (scratch) => {
      if (!near || !(await trees.copyAtOnce?.(from, scratch, { readonly: false }))) return false;
      await host.files.exchange(scratch, to);
      return true;
    });
    if (!done) await syncTree(host, from, to);
  }

  async deleteVolume(volume: Volume): Promise<void> {
    const { host, layout } = this.parts;
    for (const snapshot of await this.#snapshotNames(volume)) await this.#remove(volume.pool, layout.snapshot(volume, snapshot));
    await host.files.remove(layout.snapshots(volume));
    await this.#remove(volume.pool, layout.volume(volume));
  }

  async renameVolume(volume: Volume, newName: string): Promise<void> {
    const { layout } = this.parts;
    const renamed = { ...volume, name: newName };
    await this.#rename(layout.snapshots(volume), layout.snapshots(renamed), { optional: true });
    await this.#rename(layout.volume(volume), layout.volume(renamed));
  }

  async snapshotVolume(volume: Volume, snapshot: string, fill?: (directory: string) => Promise<void>, { makesDirectory = false }: FillOptions = {}): Promise<void> {
    const { host, layout, trees } = this.parts;
    const to = layout.snapshot(volume, snapshot);
    await host.files.mkdir(dirname(to), { mode: 0o700 });
    if (!fill) return this.#copy(volume.pool, layout.volume(volume), to, { readonly: true, still: volume.type !== 'custom' });
    await this.#inScratch(volume.pool, async (scratch) => {
      if (!makesDirectory) await trees.make(scratch);
      await fill(scratch);
      await host.files.rename(scratch, to);
    });
    await trees.seal?.(to);
  }

  async copySnapshot(source: CopySource, volume: Volume, snapshot: string): Promise<void> {
    const to = this.parts.layout.snapshot(volume, snapshot);
    await this.parts.host.files.mkdir(dirname(to), { mode: 0o700 });
    await this.#copy(volume.pool, this.#pathOf(source), to, { readonly: true, still: true });
  }

  async deleteSnapshot(volume: Volume, snapshot: string): Promise<void> {
    const { host, layout } = this.parts;
    await this.#remove(volume.pool, layout.snapshot(volume, snapshot));
    if ((await this.#snapshotNames(volume)).length === 0) await host.files.remove(layout.snapshots(volume));
  }

  async renameSnapshot(volume: Volume, snapshot: string, newName: string): Promise<void> {
    const { layout } = this.parts;
    await this.#rename(layout.snapshot(volume, snapshot), layout.snapshot(volume, newName));
  }

  async restoreVolume(volume: Volume, snapshot: string): Promise<void> {
    const { host, layout } = this.parts;
    const from = layout.snapshot(volume, snapshot);
    if (!(await host.files.exists(from))) throw new LxdError('not-found', 'Snapshot not found');
    await this.#inScratch(volume.pool, async (scratch) => {
      await this.#copy(volume.pool, from, scratch, { readonly: false, still: true });
      await host.files.exchange(scratch, layout.volume(volume));
    });
  }

  async #copy(pool: Pool, from: string, to: string, options: CopyOptions & { readonly: boolean }): Promise<void> {
    const { host, trees } = this.parts;
    if (await trees.copyAtOnce?.(from, to, options)) return;
    await this.#inScratch(pool, async (scratch) => {
      await trees.copy(from, scratch, options);
      await host.files.rename(scratch, to);
    });
    if (options.readonly) await trees.seal?.(to);
  }

  /** Whatever is at the scratch path when the work has ended, well or not, goes. */
  async #inScratch<T>(pool: Pool, work: (scratch: string) => Promise<T>): Promise<T> {
    const scratch = join(this.parts.layout.scratch(pool.name), randomUUID());
    try {
      return await work(scratch);
    } finally {
      if (await this.parts.host.files.exists(scratch)) await this.parts.trees.remove(scratch);
    }
  }

  /** Gone under its name at once; what takes time happens where a later sweep would find the rest, and nobody waits for it but the pool's end. */
  async #remove(pool: Pool, path: string): Promise<void> {
    const { host, layout, trees } = this.parts;
    if (!(await host.files.exists(path))) return;
    if (trees.copyAtOnce) return trees.remove(path); // what is copied in one step goes in one step
    const scratch = join(layout.scratch(pool.name), randomUUID());
    await host.files.rename(path, scratch);
    const leaving = trees.remove(scratch).catch((error: unknown) => process.stderr.write(`${scratch} is left for the next start: ${String(error)}\n`));
    this.#leaving.add(leaving);
    void leaving.finally(() => this.#leaving.delete(leaving));
  }

  async #rename(from: string, to: string, options: { optional?: boolean } = {}): Promise<void> {
    const { host } = this.parts;
    if (await host.files.exists(from)) return host.files.rename(from, to);
    if (!options.optional && !(await host.files.exists(to))) throw new LxdError('not-found', 'Storage pool volume not found');
  }

  #pathOf(source: CopySource): string {
    const { layout } = this.parts;
    return source.snapshot === undefined ? layout.volume(source.volume) : layout.snapshot(source.volume, source.snapshot);
  }

  async #snapshotNames(volume: Volume): Promise<string[]> {
    const { host, layout } = this.parts;
    return (await host.files.exists(layout.snapshots(volume))) ? host.files.readdir(layout.snapshots(volume)) : [];
  }

  async #makeTypeDirectories(pool: Pool): Promise<void> {
    const { host, layout } = this.parts;
    const root = layout.pool(pool.name);
    for (const [type, { directory, mode }] of Object.entries(typeDirectories)) {
      await host.files.mkdir(join(root, directory), { mode });
      await host.files.spread(join(root, directory)); // where empty volumes are made
      if (type !== 'image') await host.files.mkdir(join(root, `${directory}-snapshots`), { mode });
    }
    await host.files.mkdir(layout.scratch(pool.name), { mode: 0o700 });
    await host.files.spread(layout.scratch(pool.name)); // where the others are made
  }
}
