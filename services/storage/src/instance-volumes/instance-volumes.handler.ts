import { Inject, Injectable } from '@nestjs/common';
import { Agents } from '@asterism/agents';
import { parseSize, volumeKeys } from '@asterism/config-keys';
import { Database } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import type { agentBackups, agentStorage, common, InstanceVolumes, storage } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { writeArchive } from '../backups/write-archive.js';
import type { PoolRow } from '../pools/pool.store.js';
import { Transfer } from '../volumes/transfer.js';
import { UnderWay } from '../upkeep/under-way.js';
import { agentVolume, diskName } from '../volumes/volume-rules.js';
import { VolumeUsers } from '../volumes/volume-users.js';
import { required, splitSnapshot, VolumeScope, type Found } from '../volumes/volume-scope.js';
import { defaultProject } from '../volumes/volume-urls.js';
import type { VolumeRow } from '../volumes/volume.store.js';

type AgentStorage = ReturnType<Agents['on']>['storage'];

type Planned = Parameters<typeof agentVolume>[1];

/** Kinds of pool that keep an unpacked image as a volume of their own. */
const keepsImages = new Set(['btrfs']);

/**
 * The service InstanceVolumes: volumes as steps of the instances' own tasks. On the member first, then in the row; both repeat safely,
 * and what is gone already is fine.
 */
@Injectable()
export class InstanceVolumesHandler implements InstanceVolumes {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(VolumeScope) private readonly scope: VolumeScope,
    @Inject(Agents) private readonly agents: Agents,
    @Inject(Transfer) private readonly transfer: Transfer,
    @Inject(UnderWay) private readonly underWay: UnderWay,
    @Inject(VolumeUsers) private readonly users: VolumeUsers,
  ) {}

  create(call: CallContext, request: storage.CreateInstanceVolume): Promise<storage.InstanceVolume> {
    const asked = required(request.volume);
    return this.underWay.during({ ...asked, name: diskName(asked) }, () => this.#create(call, request));
  }

  async #create(call: CallContext, request: storage.CreateInstanceVolume): Promise<storage.InstanceVolume> {
    const { pool, project } = await this.scope.look(call, { ...required(request.volume), member: request.member });
    if (!pool.ready) throw new LxdError('not-found', 'Storage pool not found');
    const { type, name } = required(request.volume);
    const planned = { pool_id: pool.id, member: request.member, project, type, name, config: request.config, content_type: 'filesystem' };
    const volume = { ...agentVolume(pool, planned), size_bytes: rootBytes(pool, request.size) };
    const { path } = await this.#make(call, request, { pool, planned, volume });
    const fingerprint = request.source?.$case === 'image_fingerprint' && keepsImages.has(pool.driver) ? request.source.value : '';
    await this.database.transact(
      async (unit) => {
        if (fingerprint) this.scope.volumes.keep(unit, { ...planned, project: defaultProject, type: 'image', name: fingerprint, config: {} });
        if (request.snapshots.length === 0) return this.scope.volumes.keep(unit, planned);
        const id = await this.scope.volumes.ensure(unit, planned);
        for (const snapshot of request.snapshots) await this.scope.snapshots.ensure(unit, id, snapshot, {});
      },
      { relaxed: true },
    );
    return { path };
  }

  async delete(call: CallContext, request: storage.VolumeRef): Promise<common.Empty> {
    if (request.name.includes('/')) return this.#deleteSnapshot(call, request);
    if (!(await this.scope.pools.exists(request.pool))) return {};
    const { pool, project, volume } = await this.scope.look(call, request);
    // A creation that was cut off may have left it on its member without a row.
    const there = volume ?? (request.member ? { ...request, member: request.member, project, content_type: 'filesystem', config: {} } : undefined);
    if (!there) return {};
    await this.#agent(there).deleteVolume(call, agentVolume(pool, there));
    if (volume) await this.database.transact((unit) => this.scope.volumes.delete(unit, volume.id), { relaxed: true });
    return {};
  }

  async rename(call: CallContext, request: storage.RenameInstanceVolume): Promise<common.Empty> {
    if (request.volume?.name.includes('/')) return this.#renameSnapshot(call, request);
    const { pool, volume } = await this.scope.look(call, request.volume);
    if (!volume) {
      await this.scope.find(call, { ...required(request.volume), name: request.new_name });
      return {};
    }
    await this.#agent(volume).renameVolume(call, { volume: agentVolume(pool, volume), new_name: diskName({ ...volume, name: request.new_name }) });
    await this.database.transact((unit) => this.scope.volumes.rename(unit, volume.id, request.new_name));
    return {};
  }

  async snapshot(call: CallContext, request: storage.VolumeRef): Promise<common.Empty> {
    const { parent, snapshot } = splitSnapshot(request);
    const { pool, volume } = await this.scope.find(call, parent);
    await this.#agent(volume).snapshotVolume(call, { volume: agentVolume(pool, volume), snapshot });
    await this.database.transact((unit) => this.scope.snapshots.ensure(unit, volume.id, snapshot, volume.config));
    return {};
  }

  async restore(call: CallContext, request: storage.RestoreInstanceVolume): Promise<common.Empty> {
    const { pool, volume } = await this.scope.find(call, request.volume);
    await this.#agent(volume).restoreVolume(call, { volume: agentVolume(pool, volume), snapshot: request.snapshot });
    return {};
  }

  async resize(call: CallContext, request: storage.CreateInstanceVolume): Promise<common.Empty> {
    const { pool, volume } = await this.scope.find(call, request.volume);
    await this.#agent(volume).resizeVolume(call, { volume: agentVolume(pool, volume), size_bytes: rootBytes(pool, request.size) });
    return {};
  }

  async locate(call: CallContext, request: storage.VolumeRef): Promise<storage.InstanceVolume> {
    const { parent, snapshot } = request.name.includes('/') ? splitSnapshot(request) : { parent: request, snapshot: '' };
    const { pool, volume } = await this.scope.find(call, parent);
    if (await this.users.isServers(call, volume)) throw new LxdError('bad-request', `Storage volume "${volume.pool}/${volume.name}" is used by the server itself`);
    const located = agentVolume(pool, volume);
    return this.#agent(volume).locateVolume(call, snapshot === '' ? located : { ...located, name: `${located.name}/${snapshot}` });
  }

  async forgetImage(call: CallContext, request: storage.ForgetImageVolumes): Promise<common.Empty> {
    for (const volume of await this.scope.volumes.images(request.fingerprint)) {
      await this.#agent(volume).deleteVolume(call, agentVolume(await this.scope.pools.byId(volume.pool_id), volume));
      await this.database.transact((unit) => this.scope.volumes.delete(unit, volume.id));
    }
    return {};
  }

  async refresh(call: CallContext, request: storage.RefreshInstanceVolume): Promise<common.Empty> {
    const { pool, volume } = await this.scope.find(call, request.volume);
    const { found, snapshot } = await this.#copied(call, required(request.source));
    const refreshed = agentVolume(pool, volume);
    await this.underWay.during({ ...refreshed, pool: pool.name }, async () => {
      if (found.volume.member === volume.member) await this.#agent(volume).refreshVolume(call, { volume: refreshed, source: copySource(found, snapshot, request.snapshots) });
      else await this.#refreshFromAfar(call, { pool, volume }, { found, snapshot, snapshots: request.snapshots });
      await this.database.transact(async (unit) => {
        for (const snapshot of request.snapshots) await this.scope.snapshots.ensure(unit, volume.id, snapshot, {});
      });
    });
    return {};
  }

  /** What it is brought up to comes as a volume beside it, which lives as long as it is read. */
  async #refreshFromAfar(call: CallContext, { pool, volume }: Found, from: { found: Found; snapshot: string; snapshots: string[] }): Promise<void> {
    const arrived = { ...volume, name: `refresh-${volume.id}` };
    const made = agentVolume(pool, arrived);
    const agent = this.#agent(volume);
    await this.underWay.during({ ...made, pool: pool.name }, async () => {
      try {
        await agent.deleteVolume(call, made);
        await this.transfer.bring(call, from.found, { snapshot: from.snapshot, snapshots: from.snapshots }, { pool, volume: arrived, made });
        await agent.refreshVolume(call, { volume: agentVolume(pool, volume), source: { volume: made, snapshot: '', with_snapshots: from.snapshots } });
      } finally {
        await agent.deleteVolume(call, made);
      }
    });
  }

  async backup(call: CallContext, request: storage.BackupInstanceVolume): Promise<agentBackups.BackupWritten> {
    return writeArchive(call, this.agents, await this.scope.find(call, request.volume), { ...request, index: JSON.parse(request.index.toString()) });
  }

  /** Of nothing, an image, an archive, or another volume, which may lie on another member. */
  async #make(call: CallContext, { member, source, snapshots }: storage.CreateInstanceVolume, made: { pool: PoolRow; planned: Planned; volume: agentStorage.Volume }): Promise<agentStorage.VolumePath> {
    const agent = this.agents.on(member).storage;
    if (source?.$case !== 'copy_from') return agent.createVolume(call, { volume: made.volume, source });
    const { found, snapshot } = await this.#copied(call, source.value);
    if (found.volume.member !== member) return this.transfer.bring(call, found, { snapshot, snapshots }, { pool: made.pool, volume: made.planned, made: made.volume });
    return agent.createVolume(call, { volume: made.volume, source: { $case: 'copy', value: copySource(found, snapshot, snapshots) } });
  }

  async #copied(call: CallContext, ref: storage.VolumeRef): Promise<{ found: Found; snapshot: string }> {
    const { parent, snapshot } = ref.name.includes('/') ? splitSnapshot(ref) : { parent: ref, snapshot: '' };
    return { found: await this.scope.find(call, parent), snapshot };
  }

  async #deleteSnapshot(call: CallContext, request: storage.VolumeRef): Promise<common.Empty> {
    const { parent, snapshot } = splitSnapshot(request);
    const { pool, volume } = await this.scope.look(call, parent);
    if (!volume) return {};
    await this.#agent(volume).deleteSnapshot(call, { volume: agentVolume(pool, volume), snapshot });
    await this.database.transact((unit) => this.scope.snapshots.delete(unit, volume.id, snapshot));
    return {};
  }

  async #renameSnapshot(call: CallContext, request: storage.RenameInstanceVolume): Promise<common.Empty> {
    const { parent, snapshot } = splitSnapshot(request.volume);
    const { pool, volume } = await this.scope.find(call, parent);
    await this.#agent(volume).renameSnapshot(call, { snapshot: onMember(pool, volume, snapshot), new_name: request.new_name });
    await this.database.transact((unit) => this.scope.snapshots.rename(unit, volume.id, snapshot, request.new_name));
    return {};
  }

  #agent(volume: Pick<VolumeRow, 'member'>): AgentStorage {
    return this.agents.on(volume.member).storage;
  }
}

function copySource({ pool, volume }: Found, snapshot: string, snapshots: string[]): agentStorage.CopySource {
  return { volume: agentVolume(pool, volume), snapshot, with_snapshots: snapshots };
}

/** Of the root device, or what the pool gives its volumes; 0 for no limit. */
function rootBytes(pool: PoolRow, size: string): number {
  return parseSize(size || (pool.config[`volume.${volumeKeys.size.name}`] ?? '')) ?? 0;
}

function onMember(pool: PoolRow, volume: VolumeRow, snapshot: string): agentStorage.VolumeSnapshot {
  return { volume: agentVolume(pool, volume), snapshot };
}
