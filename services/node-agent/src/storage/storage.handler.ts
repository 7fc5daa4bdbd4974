import { LxdError } from '@asterism/errors';
import type { agentStorage, common, Operations } from '@asterism/proto';
import type { CallContext, Service } from '@asterism/rpc';
import { progressOf, stageWords } from '@asterism/service';
import type { Host } from '../host/host.js';
import { makeDrivers } from './drivers.js';
import { keepFiles, whyNotThere } from './kept-files.js';
import { Layout, type Pool, type Volume } from './layout.js';
import { Locks } from './locks.js';
import { PoolRecords } from './pool-records.js';
import { lookAfterPool } from './pool-look.js';
import type { StorageDriver, VolumeStreams } from './storage-driver.js';
import { linkSnapshots, linkVolume, unlinkSnapshots, unlinkVolume } from './volume-links.js';
import { requireVolume, VolumeMaker } from './volume-maker.js';

const nothing: common.Empty = {};
/** As LXD says it, whatever the image's format. */
const unpacking = stageWords('create_instance_from_image_unpack', 'Unpack');

/** AgentStorage: pools and volumes of this member. Calls for one pool or volume run one after the other and may be repeated. */
export class StorageHandler implements Service<typeof agentStorage.AgentStorageDefinition> {
  readonly #host: Host;
  readonly #layout: Layout;
  readonly #driver: (name: string) => StorageDriver;
  readonly #records: PoolRecords;
  readonly #locks = new Locks();
  #started = settled();
  readonly #maker: VolumeMaker;

  constructor(host: Host, stateDir: string, private readonly operations?: Pick<Operations, 'update'>) {
    this.#host = host;
    this.#layout = new Layout(stateDir);
    this.#driver = makeDrivers(host, this.#layout);
    this.#records = new PoolRecords(host, this.#layout);
    this.#maker = new VolumeMaker({ host, layout: this.#layout, driver: this.#driver, locks: new Locks() });
  }

  /** Mounts the pools this member has and takes away what a killed creation left. A pool that cannot be mounted is answered, not thrown. */
  async start(): Promise<{ pool: string; error: unknown }[]> {
    try {
      return await this.#start();
    } finally {
      this.#started.resolve();
    }
  }

  /** From now on work on volumes waits for start(): a task that goes on after a crash would have its half-made volume swept away. */
  holdUntilStart(): this {
    this.#started = Promise.withResolvers();
    return this;
  }

  async #start(): Promise<{ pool: string; error: unknown }[]> {
    const failed: { pool: string; error: unknown }[] = [];
    for (const { pool, state } of await this.#records.all()) {
      try {
        if (state === 'ready') await this.#bringUp(pool);
        else await this.#drop(pool);
      } catch (error) {
        failed.push({ pool: pool.name, error });
      }
    }
    return failed;
  }

  get layout(): Layout {
    return this.#layout;
  }

  /** What the driver of a pool can stream; undefined where it cannot. */
  streamsOf(pool: Pool): VolumeStreams | undefined {
    return this.#driver(pool.driver).streams;
  }

  createPool(_call: CallContext, pool: Pool): Promise<agentStorage.PoolConfig> {
    return this.#locks.run(pool.name, async () => {
      const known = await this.#records.read(pool.name);
      if (known?.state === 'ready') return { config: known.pool.config };
      const driver = this.#driver(pool.driver);
      const path = this.#layout.pool(pool.name);
      if (known) await this.#drop(known.pool);
      if (await this.#host.files.exists(path)) throw new LxdError('internal', `Storage pool directory "${path}" already exists`);
      await this.#records.write({ pool, state: 'creating' });
      try {
        const config = await driver.createPool(pool);
        await this.#records.write({ pool: { ...pool, config }, state: 'ready' });
        return { config };
      } catch (error) {
        await this.#records.remove(pool.name);
        throw error;
      }
    });
  }

  deletePool(_call: CallContext, pool: Pool): Promise<common.Empty> {
    return this.#locks.run(pool.name, async () => {
      const known = await this.#records.read(pool.name);
      if (known) await this.#drop(known.pool);
      return nothing;
    });
  }

  mountPool(_call: CallContext, pool: Pool): Promise<common.Empty> {
    return this.updatePool(_call, pool);
  }

  updatePool(_call: CallContext, pool: Pool): Promise<common.Empty> {
    return this.#locks.run(pool.name, async () => {
      await this.#driver(pool.driver).mountPool(pool);
      await this.#records.write({ pool, state: 'ready' });
      return nothing;
    });
  }

  getPoolUsage(_call: CallContext, pool: Pool): Promise<agentStorage.PoolUsage> {
    return this.#driver(pool.driver).poolUsage(pool);
  }

  createVolume(call: CallContext, request: agentStorage.CreateVolumeRequest): Promise<agentStorage.VolumePath> {
    return this.#onVolume(request.volume, async (volume, driver) => {
      const path = this.#layout.volume(volume);
      if (!(await this.#host.files.exists(path))) await this.#maker.make(volume, request.source, this.operations && progressOf(this.operations, call, unpacking));
      // Again when it was made before a crash: then nobody limited it.
      if (volume.size_bytes > 0 && volume.content_type !== 'block') await this.#limitNew(volume, driver);
      await linkVolume(this.#host, this.#layout, volume);
      await linkSnapshots(this.#host, this.#layout, volume);
      return { path };
    });
  }

  refreshVolume(_call: CallContext, { volume: asked, source }: agentStorage.RefreshVolumeRequest): Promise<common.Empty> {
    return this.#onVolume(asked, async (volume, driver) => {
      if (!source) throw new LxdError('bad-request', 'No source given');
      await this.#maker.refresh(volume, source);
      if (volume.size_bytes > 0) await driver.quotas?.limit(volume, volume.size_bytes);
      await linkSnapshots(this.#host, this.#layout, volume);
      return nothing;
    });
  }

  deleteVolume(_call: CallContext, request: agentStorage.Volume): Promise<common.Empty> {
    return this.#onVolume(request, async (volume, driver) => {
      await unlinkVolume(this.#host, this.#layout, volume);
      await unlinkSnapshots(this.#host, this.#layout, volume);
      await driver.deleteVolume(volume);
      await this.#linkElsewhere(volume);
      return nothing;
    });
  }

  renameVolume(_call: CallContext, request: agentStorage.RenameVolumeRequest): Promise<common.Empty> {
    return this.#onVolume(request.volume, async (volume, driver) => {
      const renamed = { ...volume, name: request.new_name };
      await driver.renameVolume(volume, request.new_name);
      await unlinkVolume(this.#host, this.#layout, volume);
      await unlinkSnapshots(this.#host, this.#layout, volume);
      await linkVolume(this.#host, this.#layout, renamed);
      await linkSnapshots(this.#host, this.#layout, renamed);
      return nothing;
    });
  }

  resizeVolume(_call: CallContext, request: agentStorage.ResizeVolumeRequest): Promise<common.Empty> {
    return this.#onVolume(request.volume, async (volume, driver) => {
      await driver.quotas?.limit(volume, request.size_bytes);
      return nothing;
    });
  }

  snapshotVolume(_call: CallContext, request: agentStorage.VolumeSnapshot): Promise<common.Empty> {
    return this.#onVolume(request.volume, async (volume, driver) => {
      if (await this.#host.files.exists(this.#layout.snapshot(volume, request.snapshot))) return nothing;
      await driver.snapshotVolume(volume, request.snapshot);
      await linkSnapshots(this.#host, this.#layout, volume);
      return nothing;
    });
  }

  deleteSnapshot(_call: CallContext, request: agentStorage.VolumeSnapshot): Promise<common.Empty> {
    return this.#onVolume(request.volume, async (volume, driver) => {
      await driver.deleteSnapshot(volume, request.snapshot);
      if (!(await this.#host.files.exists(this.#layout.snapshots(volume)))) await unlinkSnapshots(this.#host, this.#layout, volume);
      return nothing;
    });
  }

  renameSnapshot(_call: CallContext, request: agentStorage.RenameSnapshotRequest): Promise<common.Empty> {
    return this.#onVolume(request.snapshot?.volume, async (volume, driver) => {
      await driver.renameSnapshot(volume, request.snapshot!.snapshot, request.new_name);
      return nothing;
    });
  }

  restoreVolume(_call: CallContext, request: agentStorage.VolumeSnapshot): Promise<common.Empty> {
    return this.#onVolume(request.volume, async (volume, driver) => {
      await driver.restoreVolume(volume, request.snapshot);
      if (volume.size_bytes > 0) await driver.quotas?.limit(volume, volume.size_bytes);
      return nothing;
    });
  }

  /** -1 for what nobody counts. */
  async getVolumeUsage(_call: CallContext, request: agentStorage.Volume): Promise<agentStorage.VolumeUsage> {
    const volume = requireVolume(request);
    const usage = await this.#driver(volume.pool.driver).quotas?.usage(volume);
    return { used_bytes: usage?.usedBytes ?? -1, total_bytes: usage?.totalBytes ?? -1 };
  }

  async locateVolume(_call: CallContext, request: agentStorage.Volume): Promise<agentStorage.VolumePath> {
    const [name = '', snapshot] = request.name.split('/');
    const volume = requireVolume({ ...request, name });
    const path = snapshot === undefined ? this.#layout.volume(volume) : this.#layout.snapshot(volume, snapshot);
    if (!(await this.#host.files.exists(path))) throw new LxdError('not-found', 'Storage pool volume not found');
    return { path };
  }

  keepOwnFiles(_call: CallContext, { kind, volume, try_only }: agentStorage.OwnFiles): Promise<agentStorage.OwnFilesAnswer> {
    const wish = { kind, volume: volume ? requireVolume(volume) : undefined };
    return this.#locks.run(`own ${kind}`, async () => {
      await this.#started.promise;
      const problem = (await whyNotThere(this.#host, this.#layout, wish)) ?? '';
      if (!try_only && problem === '') await keepFiles(this.#host, this.#layout, wish);
      return { problem };
    });
  }

  async lookAfter(): Promise<agentStorage.LookedAfterPools> {
    await this.#started.promise;
    const known = (await this.#records.all()).filter(({ state }) => state === 'ready');
    return { pools: await Promise.all(known.map(({ pool }) => this.#locks.run(pool.name, () => lookAfterPool(this.#host, this.#layout, pool, this.#driver(pool.driver))))) };
  }

  async #bringUp(pool: Pool): Promise<void> {
    const driver = this.#driver(pool.driver);
    await driver.mountPool(pool);
    await driver.sweepPool(pool);
  }

  async #drop(pool: Pool): Promise<void> {
    await this.#driver(pool.driver).deletePool(pool);
    await this.#records.remove(pool.name);
  }

  /** While an instance moves between pools, two volumes have its name: the one that stays is found under it. */
  async #linkElsewhere(volume: Volume): Promise<void> {
    if (!this.#layout.links(volume)) return;
    for (const name of await this.#host.files.readdir(this.#layout.pools)) {
      const other = { ...volume, pool: { ...volume.pool, name } };
      if (name === volume.pool.name || !(await this.#host.files.exists(this.#layout.volume(other)))) continue;
      await linkVolume(this.#host, this.#layout, other);
      await linkSnapshots(this.#host, this.#layout, other);
    }
  }

  async #limitNew(volume: Volume, driver: StorageDriver): Promise<void> {
    try {
      await driver.quotas?.limit(volume, volume.size_bytes);
    } catch (error) {
      await driver.deleteVolume(volume);
      throw error;
    }
  }

  #onVolume<T>(given: agentStorage.Volume | undefined, work: (volume: Volume, driver: StorageDriver) => Promise<T>): Promise<T> {
    const volume = requireVolume(given);
    return this.#locks.run(this.#layout.volume(volume), async () => {
      await this.#started.promise;
      return work(volume, this.#driver(volume.pool.driver));
    });
  }
}

function settled(): PromiseWithResolvers<void> {
  const deferred = Promise.withResolvers<void>();
  deferred.resolve();
  return deferred;
}
