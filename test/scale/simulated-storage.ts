import type { agentStorage, common } from '@asterism/proto';
import type { CallContext, Service } from '@asterism/rpc';
import type { SimulatedHost } from './simulated-host.js';

const nothing: common.Empty = {};
const gib = 1024 ** 3;

/** AgentStorage of a host whose volumes have names and no contents. */
export class SimulatedStorage implements Service<typeof agentStorage.AgentStorageDefinition> {
  constructor(private readonly host: SimulatedHost) {}

  async createPool(_call: CallContext, { name, config }: agentStorage.Pool): Promise<agentStorage.PoolConfig> {
    this.host.volumes(name);
    return { config: { source: `/simulated/storage-pools/${name}`, ...config } };
  }

  async deletePool(_call: CallContext, { name }: agentStorage.Pool): Promise<common.Empty> {
    this.host.pools.delete(name);
    return nothing;
  }

  async mountPool(_call: CallContext, { name }: agentStorage.Pool): Promise<common.Empty> {
    this.host.volumes(name);
    return nothing;
  }

  async updatePool(call: CallContext, pool: agentStorage.Pool): Promise<common.Empty> {
    return this.mountPool(call, pool);
  }

  async getPoolUsage(_call: CallContext, { name }: agentStorage.Pool): Promise<agentStorage.PoolUsage> {
    return { space_total_bytes: 1000 * gib, space_used_bytes: this.host.volumes(name).size * 1_000_000, inodes_total: 1e8, inodes_used: this.host.volumes(name).size * 50 };
  }

  async createVolume(_call: CallContext, { volume, source }: agentStorage.CreateVolumeRequest): Promise<agentStorage.VolumePath> {
    const snapshots = this.#snapshots(volume);
    const brought = source?.$case === 'copy' ? source.value.with_snapshots : source?.$case === 'backup' ? source.value.snapshots : [];
    for (const snapshot of brought) snapshots.add(snapshot);
    return { path: pathOf(volume!) };
  }

  async refreshVolume(_call: CallContext, { volume, source }: agentStorage.RefreshVolumeRequest): Promise<common.Empty> {
    for (const snapshot of source?.with_snapshots ?? []) this.#snapshots(volume).add(snapshot);
    return nothing;
  }

  async deleteVolume(_call: CallContext, { pool, type, name }: agentStorage.Volume): Promise<common.Empty> {
    this.host.pools.get(pool!.name)?.delete(`${type}/${name}`);
    return nothing;
  }

  async renameVolume(_call: CallContext, { volume, new_name }: agentStorage.RenameVolumeRequest): Promise<common.Empty> {
    const volumes = this.host.volumes(volume!.pool!.name);
    volumes.set(`${volume!.type}/${new_name}`, this.#snapshots(volume));
    volumes.delete(`${volume!.type}/${volume!.name}`);
    return nothing;
  }

  async resizeVolume(): Promise<common.Empty> {
    return nothing;
  }

  async snapshotVolume(_call: CallContext, { volume, snapshot }: agentStorage.VolumeSnapshot): Promise<common.Empty> {
    this.#snapshots(volume).add(snapshot);
    return nothing;
  }

  async deleteSnapshot(_call: CallContext, { volume, snapshot }: agentStorage.VolumeSnapshot): Promise<common.Empty> {
    this.#snapshots(volume).delete(snapshot);
    return nothing;
  }

  async renameSnapshot(_call: CallContext, { snapshot, new_name }: agentStorage.RenameSnapshotRequest): Promise<common.Empty> {
    const snapshots = this.#snapshots(snapshot!.volume);
    snapshots.delete(snapshot!.snapshot);
    snapshots.add(new_name);
    return nothing;
  }

  async restoreVolume(): Promise<common.Empty> {
    return nothing;
  }

  async getVolumeUsage(): Promise<agentStorage.VolumeUsage> {
    return { used_bytes: 1_000_000, total_bytes: 0 };
  }

  async locateVolume(_call: CallContext, volume: agentStorage.Volume): Promise<agentStorage.VolumePath> {
    return { path: pathOf(volume) };
  }

  async keepOwnFiles(): Promise<agentStorage.OwnFilesAnswer> {
    return { problem: '' };
  }

  async lookAfter(): Promise<agentStorage.LookedAfterPools> {
    const pools = [...this.host.pools].map(([name, volumes]) => ({ name, problem: '', volumes: [...volumes].map(([key, snapshots]) => ({ ...splitKey(key), snapshots: [...snapshots] })) }));
    return { pools };
  }

  #snapshots(volume: agentStorage.Volume | undefined): Set<string> {
    return this.host.snapshots(volume!.pool!.name, volume!.type, volume!.name);
  }
}

function pathOf({ pool, type, name }: agentStorage.Volume): string {
  return `/simulated/storage-pools/${pool!.name}/${type}/${name}`;
}

function splitKey(key: string): { type: string; name: string } {
  const slash = key.indexOf('/');
  return { type: key.slice(0, slash), name: key.slice(slash + 1) };
}
