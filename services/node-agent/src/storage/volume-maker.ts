import { join } from 'node:path';
import { LxdError } from '@asterism/errors';
import type { agentStorage } from '@asterism/proto';
import type { Count } from '@asterism/service';
import type { Host } from '../host/host.js';
import { restoreBackup } from '../backups/restore-backup.js';
import { imageSource } from '../images/image-files.js';
import { unpackImage } from '../images/unpack-image.js';
import type { Layout, Pool, Volume } from './layout.js';
import type { Locks } from './locks.js';
import { copyTree } from './plain-trees.js';
import type { StorageDriver } from './storage-driver.js';

export type VolumeSource = agentStorage.CreateVolumeRequest['source'];

export interface MakerOptions {
  host: Host;
  layout: Layout;
  driver(name: string): StorageDriver;
  /** One at a time: image volumes are shared by all that is made from them. */
  locks: Locks;
}

/** Makes volumes from nothing, an image or another volume, with whatever the pool's driver does fastest. */
export class VolumeMaker {
  constructor(private readonly options: MakerOptions) {}

  /** @param unpacked is told of each piece of an image that is unpacked for it. */
  async make(volume: Volume, source: VolumeSource, unpacked?: Count): Promise<void> {
    if (source?.$case === 'image_fingerprint') return this.#fromImage(volume, source.value, unpacked);
    if (source?.$case === 'copy') return this.#fromCopy(volume, source.value);
    if (source?.$case === 'backup') return restoreBackup({ ...this.options, driver: this.#driverOf(volume.pool) }, volume, source.value);
    await this.#driverOf(volume.pool).createVolume(volume, volume.content_type === 'block' ? (directory) => this.#makeDisk(volume, directory) : undefined);
  }

  async #makeDisk(volume: Volume, directory: string): Promise<void> {
    await this.options.host.files.sparse(join(directory, 'root.img'), volume.size_bytes, { mode: 0o600 });
  }

  async #fromImage(volume: Volume, fingerprint: string, count?: Count): Promise<void> {
    const driver = this.#driverOf(volume.pool);
    const unpack = (target: string): Promise<void> => this.#unpack(fingerprint, target, count);
    if (!driver.keepsImages) return driver.createVolume(volume, unpack);
    const image: Volume = { ...volume, type: 'image', name: fingerprint, size_bytes: 0 };
    const path = this.options.layout.volume(image);
    await this.options.locks.run(path, async () => {
      if (!(await this.options.host.files.exists(path))) await driver.createVolume(image, unpack);
    });
    await driver.copyVolume({ volume: image }, volume);
  }

  async #unpack(fingerprint: string, target: string, count?: Count): Promise<void> {
    const { host, layout } = this.options;
    await unpackImage(host, { ...(await imageSource(host, layout.stateDir, fingerprint)), target, count });
  }

  /** Snapshots first: once the volume has its name, the copy is complete. */
  async #fromCopy(volume: Volume, copy: agentStorage.CopySource): Promise<void> {
    const { layout, host } = this.options;
    const source = requireVolume(copy.volume);
    const driver = this.#driverOf(volume.pool);
    const near = source.pool.name === volume.pool.name;
    await this.#bringSnapshots(volume, copy);
    if (near) return driver.copyVolume({ volume: source, ...(copy.snapshot ? { snapshot: copy.snapshot } : {}) }, volume);
    const from = copy.snapshot ? layout.snapshot(source, copy.snapshot) : layout.volume(source);
    await driver.createVolume(volume, (directory) => copyTree(host, from, directory, { still: copy.snapshot !== '' }));
  }

  /** Makes the volume equal to another, with snapshots that it does not have. */
  async refresh(volume: Volume, copy: agentStorage.CopySource): Promise<void> {
    await this.#bringSnapshots(volume, copy);
    const source = requireVolume(copy.volume);
    await this.#driverOf(volume.pool).refreshVolume({ volume: source, ...(copy.snapshot ? { snapshot: copy.snapshot } : {}) }, volume);
  }

  async #bringSnapshots(volume: Volume, copy: agentStorage.CopySource): Promise<void> {
    const { layout, host } = this.options;
    const source = requireVolume(copy.volume);
    const driver = this.#driverOf(volume.pool);
    for (const snapshot of copy.with_snapshots) {
      if (await host.files.exists(layout.snapshot(volume, snapshot))) continue;
      if (source.pool.name === volume.pool.name) await driver.copySnapshot({ volume: source, snapshot }, volume, snapshot);
      else await driver.snapshotVolume(volume, snapshot, (directory) => copyTree(host, layout.snapshot(source, snapshot), directory, { still: true }));
    }
  }

  #driverOf(pool: Pool): StorageDriver {
    return this.options.driver(pool.driver);
  }
}

export function requireVolume(volume: agentStorage.Volume | undefined): Volume {
  if (!volume?.pool) throw new LxdError('bad-request', 'No volume given');
  return volume as Volume;
}
