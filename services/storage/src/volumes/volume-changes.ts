import { Inject, Injectable } from '@nestjs/common';
import { Agents } from '@asterism/agents';
import { requireUnchanged } from '@asterism/api';
import { Database, isUniqueViolation } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import type { agentStorage } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { Members } from '../pools/members.js';
import type { PoolRow } from '../pools/pool.store.js';
import { volumeEtag } from './volume-document.js';
import { volumeEvent } from './volume-events.js';
import { agentVolume, diskName } from './volume-rules.js';
import { VolumeScope, type Found } from './volume-scope.js';
import type { VolumeRow } from './volume.store.js';

export type NewVolume = Pick<VolumeRow, 'pool_id' | 'member' | 'project' | 'type' | 'name' | 'description' | 'content_type' | 'config'>;

/** What happens to a custom volume at once: on its member first, then in its row; a row that says what is coming stands before what cannot be repeated. */
@Injectable()
export class VolumeChanges {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(VolumeScope) private readonly scope: VolumeScope,
    @Inject(Agents) private readonly agents: Agents,
    @Inject(Members) private readonly members: Members,
  ) {}

  async create(call: CallContext, pool: PoolRow, volume: NewVolume): Promise<void> {
    const id = await this.#reserve(volume);
    try {
      await this.scope.requireStaying(call, volume.project);
      await this.agents.on(volume.member).storage.createVolume(call, { volume: agentVolume(pool, volume), source: { $case: 'empty', value: {} } });
      await this.database.transact(async (unit) => {
        await this.scope.volumes.markReady(unit, id);
        unit.emit(volumeEvent(call, 'storage-volume-created', { ...volume, pool: pool.name }, { type: volume.type }));
      });
    } catch (error) {
      await this.database.transact((unit) => this.scope.volumes.delete(unit, id));
      throw error;
    }
  }

  async update(call: CallContext, { pool, volume }: Found, next: VolumeRow): Promise<void> {
    const [before, after] = [agentVolume(pool, volume), agentVolume(pool, next)];
    if (before.size_bytes !== after.size_bytes) await this.agents.on(volume.member).storage.resizeVolume(call, { volume: before, size_bytes: after.size_bytes });
    await this.database.transact(async (unit) => {
      const current = await this.scope.volumes.lock(unit, volume.id);
      if (!current) throw new LxdError('not-found', 'Storage pool volume not found');
      requireUnchanged(volumeEtag(volume), volumeEtag(current));
      await this.scope.volumes.update(unit, next);
      unit.emit(volumeEvent(call, 'storage-volume-updated', volume));
    });
  }

  async rename(call: CallContext, { pool, volume }: Found, newName: string): Promise<void> {
    await this.database.transact((unit) => this.scope.volumes.beginRename(unit, volume.id, newName, this.members.maker));
    const renamed = { ...volume, name: newName };
    try {
      await this.agents.on(volume.member).storage.renameVolume(call, { volume: agentVolume(pool, volume), new_name: diskName(renamed) });
    } catch (error) {
      await this.database.transact((unit) => this.scope.volumes.beginRename(unit, volume.id, '', ''));
      throw error;
    }
    await this.database.transact(async (unit) => {
      await this.scope.volumes.rename(unit, volume.id, newName);
      await this.scope.volumes.setMovedFrom(unit, volume.id, `${volume.pool}/${volume.name}`);
      unit.emit(volumeEvent(call, 'storage-volume-renamed', renamed, { old_name: volume.name }));
    });
  }

  /** @param emptied what else goes, once nobody can read the contents any more */
  async delete(call: CallContext, { pool, volume }: Found, emptied: () => Promise<void>): Promise<void> {
    const snapshots = volume.type === 'image' ? [] : await this.scope.snapshots.ofVolume(volume.id);
    await this.agents.on(volume.member).storage.deleteVolume(call, agentVolume(pool, volume));
    await emptied();
    await this.database.transact(async (unit) => {
      await this.scope.volumes.delete(unit, volume.id);
      for (const { name } of snapshots) unit.emit(volumeEvent(call, 'storage-volume-snapshot-deleted', { ...volume, name: `${volume.name}/${name}` }));
      unit.emit(volumeEvent(call, 'storage-volume-deleted', volume));
    });
  }

  async restore(call: CallContext, { pool, volume }: Found, snapshot: string): Promise<void> {
    if (!(await this.scope.snapshots.find(volume.id, snapshot))) throw new LxdError('internal', 'Snapshot not found');
    await this.agents.on(volume.member).storage.restoreVolume(call, { volume: agentVolume(pool, volume), snapshot });
    await this.database.transact(async (unit) => unit.emit(volumeEvent(call, 'storage-volume-restored', volume, { snapshot })));
  }

  usage(call: CallContext, { pool, volume }: Found): Promise<agentStorage.VolumeUsage> {
    return this.agents.on(volume.member).storage.getVolumeUsage(call, agentVolume(pool, volume));
  }

  async #reserve(volume: NewVolume): Promise<string> {
    try {
      return await this.database.transact((unit) => this.scope.volumes.insert(unit, { ...volume, ready: false, maker: this.members.maker }));
    } catch (error) {
      if (isUniqueViolation(error)) throw new LxdError('conflict', 'Volume by that name already exists');
      throw error;
    }
  }
}
