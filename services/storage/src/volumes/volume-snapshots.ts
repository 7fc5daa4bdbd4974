import { Inject, Injectable } from '@nestjs/common';
import { document, requireMatch, requireUnchanged, untilUnchanged } from '@asterism/api';
import { expiryFrom, nextSnapshotName, valueOf, volumeKeys } from '@asterism/config-keys';
import { Database, isUniqueViolation } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import { common, type storage } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { listedSnapshot, snapshotEtag, snapshotObject } from './volume-document.js';
import { volumeEvent } from './volume-events.js';
import { requireSnapshotName, requireVolumeName } from './volume-rules.js';
import { splitSnapshot, VolumeScope, type Found } from './volume-scope.js';
import { SnapshotTasks } from './snapshot-tasks.js';
import { volumeUrl } from './volume-urls.js';
import { VolumeUsers } from './volume-users.js';

/** Snapshots of custom volumes, and what is known of those of instances. */
@Injectable()
export class VolumeSnapshots {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(VolumeScope) private readonly scope: VolumeScope,
    @Inject(SnapshotTasks) private readonly tasks: SnapshotTasks,
    @Inject(VolumeUsers) private readonly users: VolumeUsers,
  ) {}

  async list(call: CallContext, request: storage.ListVolumeSnapshots): Promise<common.Document> {
    const { volume } = await this.scope.look(call, request.volume);
    if (!volume?.ready) return document([]);
    const rows = await this.scope.snapshots.ofVolume(volume.id);
    if (request.recursion === 0) return document(rows.map((row) => volumeUrl({ ...volume, name: `${volume.name}/${row.name}` })));
    return document(rows.map((row) => listedSnapshot(volume, row)));
  }

  async get(call: CallContext, request: storage.VolumeRef): Promise<common.Document> {
    const { volume, row } = await this.#find(call, request);
    return document(snapshotObject(volume, row), snapshotEtag(row));
  }

  async create(call: CallContext, request: storage.CreateVolumeSnapshot): Promise<common.OperationAnswer> {
    const type = request.volume?.type ?? '';
    const look = await this.scope.look(call, request.volume);
    if (type !== 'custom') throw new LxdError('bad-request', `Invalid storage volume type ${JSON.stringify(type)}`);
    await this.scope.requireSnapshotsAllowed(call, request.volume?.project ?? '');
    requireSnapshotName(request.snapshot || 'snap0');
    if (!look.volume?.ready) throw new LxdError('not-found', 'Storage pool volume not found');
    const found: Found = { pool: look.pool, volume: look.volume };
    if (await this.users.isServers(call, found.volume)) throw new LxdError('bad-request', 'Volumes used by LXD itself cannot have snapshots');
    const taken = await this.scope.snapshots.names(found.volume.id);
    if (taken.includes(request.snapshot)) throw inUse(request.snapshot);
    const { config } = found.volume;
    const name = request.snapshot || nextSnapshotName(valueOf(config, volumeKeys.snapshotsPattern), taken, new Date());
    const lifetime = valueOf(config, volumeKeys.snapshotsExpiry);
    const expiresMs = request.expires_at_ms ?? (lifetime === '' ? undefined : expiryFrom(Date.now(), lifetime));
    try {
      return await this.tasks.create(call, found, { name, expires_at: expiresMs ? new Date(expiresMs) : null });
    } catch (error) {
      if (isUniqueViolation(error)) throw inUse(name);
      throw error;
    }
  }

  async update(call: CallContext, request: storage.UpdateVolume): Promise<common.Empty> {
    await untilUnchanged(() => this.#update(call, request));
    return {};
  }

  async #update(call: CallContext, request: storage.UpdateVolume): Promise<void> {
    const { volume, row } = await this.#find(call, request.volume);
    requireMatch(request.if_match, snapshotEtag(row));
    const merge = request.mode === common.UpdateMode.MERGE;
    const description = request.description ?? (merge ? row.description : '');
    const given = request.expires_at_ms;
    const expires_at = given === undefined ? (merge ? row.expires_at : null) : given > 0 ? new Date(given) : null;
    await this.database.transact(async (unit) => {
      const current = await this.scope.snapshots.lock(unit, row.id);
      if (!current) throw new LxdError('not-found', 'Storage pool volume not found');
      requireUnchanged(snapshotEtag(row), snapshotEtag(current));
      await this.scope.snapshots.update(unit, { id: row.id, description, expires_at });
      unit.emit(volumeEvent(call, 'storage-volume-snapshot-updated', { ...volume, name: `${volume.name}/${row.name}` }));
    });
  }

  async rename(call: CallContext, request: storage.RenameVolume): Promise<common.OperationAnswer> {
    requireVolumeName(request.new_name);
    const { parent, snapshot } = splitSnapshot(request.volume);
    requireCustom(parent.type);
    return this.tasks.rename(call, await this.scope.find(call, parent), snapshot, request.new_name);
  }

  async delete(call: CallContext, request: storage.VolumeRef): Promise<common.OperationAnswer> {
    const { parent, snapshot } = splitSnapshot(request);
    requireCustom(parent.type);
    const found = await this.scope.find(call, parent);
    await this.scope.snapshots.get(found.volume.id, snapshot);
    return this.tasks.delete(call, found, snapshot);
  }

  async #find(call: CallContext, ref: storage.VolumeRef | undefined): Promise<{ volume: Found['volume']; row: Awaited<ReturnType<VolumeScope['snapshots']['get']>> }> {
    const { parent, snapshot } = splitSnapshot(ref);
    const { volume } = await this.scope.find(call, parent);
    return { volume, row: await this.scope.snapshots.get(volume.id, snapshot) };
  }
}

function inUse(name: string): LxdError {
  return new LxdError('conflict', `Snapshot ${JSON.stringify(name)} already in use`);
}

function requireCustom(type: string): void {
  if (type !== 'custom') throw new LxdError('bad-request', `Invalid storage volume type ${JSON.stringify(type)}`);
}
