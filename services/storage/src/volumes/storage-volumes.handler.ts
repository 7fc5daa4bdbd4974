import { Inject, Injectable } from '@nestjs/common';
import { document, requireMatch, untilUnchanged, withoutEmpty } from '@asterism/api';
import { withPoolDefaults } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import { common, type agentBackups, type backups, type StorageVolumes, type storage } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { VolumeBackups } from '../backups/volume-backups.js';
import { CopyVolume } from './copy-volume.js';
import { ServerFiles } from './server-files.js';
import { VolumeChanges } from './volume-changes.js';
import { volumeEtag, volumeObject } from './volume-document.js';
import { contentTypeOf, requireNewVolume, requireType, requireVolumeConfig, requireVolumeName } from './volume-rules.js';
import { required, VolumeScope } from './volume-scope.js';
import { VolumeFollowers } from './volume-followers.js';
import { VolumeSnapshots } from './volume-snapshots.js';
import { defaultProject, volumeUrl } from './volume-urls.js';
import { serverUrl } from './volume-users.js';

/** The service StorageVolumes. */
@Injectable()
export class StorageVolumesHandler implements StorageVolumes {
  constructor(
    @Inject(VolumeScope) private readonly scope: VolumeScope,
    @Inject(VolumeChanges) private readonly changes: VolumeChanges,
    @Inject(VolumeSnapshots) private readonly snapshots: VolumeSnapshots,
    @Inject(CopyVolume) private readonly copies: CopyVolume,
    @Inject(VolumeBackups) private readonly backups: VolumeBackups,
    @Inject(VolumeFollowers) private readonly followers: VolumeFollowers,
    @Inject(ServerFiles) private readonly serverFiles: ServerFiles,
  ) {}

  async list(call: CallContext, request: storage.ListVolumes): Promise<common.Document> {
    if (request.type !== '') requireType(request.type);
    const list = request.list ?? { project: '', all_projects: false, recursion: 0, filter: '', visible_projects: [] };
    const { name } = await this.scope.pools.get(request.pool);
    const projects = list.all_projects ? null : { custom: await this.scope.customProject(call, list.project), instances: list.project || defaultProject };
    const rows = await this.scope.volumes.list({ pool: name, type: request.type, projects });
    if (list.recursion === 0) return document(rows.map(volumeUrl));
    const usedBy = await this.serverFiles.users.usedBy(call, rows);
    return document(rows.map((row) => volumeObject(row, usedBy(row))));
  }

  async holds(_call: CallContext, { project }: common.ProjectName): Promise<common.Held> {
    return { any: await this.scope.volumes.holds(project) };
  }

  /** Also of a snapshot: "volume/snapshot". */
  async get(call: CallContext, request: storage.VolumeRef): Promise<common.Document> {
    if (request.name.includes('/')) return this.snapshots.get(call, request);
    const { volume } = await this.scope.find(call, request);
    return document(volumeObject(volume, await this.serverFiles.users.ofOne(call, volume)), volumeEtag(volume));
  }

  async state(call: CallContext, request: storage.VolumeRef): Promise<common.Document> {
    const found = await this.scope.find(call, request);
    const usage = await this.changes.usage(call, found);
    if (usage.used_bytes < 0) throw new LxdError('internal', 'Not supported');
    const used = found.volume.content_type === 'block' ? 0 : usage.used_bytes;
    return document({ usage: { ...(used > 0 ? { used } : {}), total: Math.max(0, usage.total_bytes) } });
  }

  async create(call: CallContext, request: storage.CreateVolume): Promise<storage.CreatedVolume> {
    const ref = required(request.volume);
    requireNewVolume(ref);
    const member = this.scope.members.require(request.target ?? '');
    const { pool, project, volume } = await this.scope.look(call, member === '' ? ref : { ...ref, member });
    if (volume) throw volumeExists();
    const content_type = contentTypeOf(request.content_type);
    const given = withoutEmpty(request.config);
    const config = request.copy_from ? given : withPoolDefaults(given, pool.config);
    const planned = { pool_id: pool.id, member: member || this.scope.members.firstWith(pool), project, type: ref.type, name: ref.name, description: request.description, content_type, config };
    requireVolumeConfig(planned);
    if (request.copy_from) return { url: '', operation: await this.copies.copy(call, { ...planned, source: request.copy_from, withSnapshots: !request.volume_only }) };
    await this.changes.create(call, pool, planned);
    return { url: volumeUrl({ ...planned, pool: pool.name }), operation: undefined };
  }

  async update(call: CallContext, request: storage.UpdateVolume): Promise<common.Empty> {
    const found = await this.scope.find(call, request.volume);
    requireMatch(request.if_match, volumeEtag(found.volume));
    const merge = request.mode === common.UpdateMode.MERGE;
    if (request.restore !== '') await this.changes.restore(call, found, request.restore);
    if (request.restore !== '' && !merge && Object.keys(request.config).length === 0) return {};
    await untilUnchanged(() => this.#change(call, request));
    return {};
  }

  async #change(call: CallContext, request: storage.UpdateVolume): Promise<void> {
    const found = await this.scope.find(call, request.volume);
    const { volume } = found;
    requireMatch(request.if_match, volumeEtag(volume));
    const merge = request.mode === common.UpdateMode.MERGE;
    const config = withoutEmpty(merge ? { ...volume.config, ...request.config } : request.config);
    requireVolumeConfig({ ...volume, config });
    const description = request.description ?? (merge ? volume.description : '');
    await this.changes.update(call, found, { ...volume, config, description });
  }

  async rename(call: CallContext, request: storage.RenameVolume): Promise<storage.CreatedVolume> {
    const ref = required(request.volume);
    requireVolumeName(request.new_name);
    if (ref.type !== 'custom') throw new LxdError('bad-request', `Renaming storage volumes of type ${JSON.stringify(ref.type)} is not allowed`);
    const moves = (request.new_pool !== '' && request.new_pool !== ref.pool) || (request.new_project !== '' && request.new_project !== ref.project);
    const target = { ...ref, name: request.new_name, pool: request.new_pool || ref.pool, project: request.new_project || ref.project };
    const place = await this.scope.look(call, target);
    const found = await this.scope.find(call, ref);
    if (place.volume) throw volumeExists();
    const users = await this.serverFiles.users.ofOne(call, found.volume);
    if (users.includes(serverUrl)) throw new LxdError('bad-request', 'Volume is used by LXD itself and cannot be renamed');
    const isUsed = users.length > 0;
    if (isUsed && place.project !== found.volume.project) throw new LxdError('bad-request', 'The storage volume is still in use');
    if (isUsed) await this.followers.requireStill(call, found.volume);
    if (moves) return { url: '', operation: await this.copies.move(call, found, place.pool, { project: place.project, name: request.new_name }) };
    await this.changes.rename(call, found, request.new_name);
    await this.followers.tell(call);
    return { url: volumeUrl({ ...found.volume, name: request.new_name }), operation: undefined };
  }

  async delete(call: CallContext, request: storage.VolumeRef): Promise<common.Empty> {
    const found = await this.scope.find(call, request);
    if (request.type !== 'custom' && request.type !== 'image') {
      throw new LxdError('bad-request', `Storage volumes of type ${JSON.stringify(request.type)} cannot be deleted with the storage API`);
    }
    if (request.type === 'custom' && (await this.serverFiles.users.ofOne(call, found.volume)).length > 0) throw new LxdError('bad-request', 'The storage volume is still in use');
    await this.changes.delete(call, found, () => this.backups.forget(call, found.volume.id));
    return {};
  }

  async keepServerFiles(call: CallContext, request: storage.ServerFiles): Promise<common.Empty> {
    await this.serverFiles.keep(call, request);
    return {};
  }

  listSnapshots(call: CallContext, request: storage.ListVolumeSnapshots): Promise<common.Document> {
    return this.snapshots.list(call, request);
  }

  createSnapshot(call: CallContext, request: storage.CreateVolumeSnapshot): Promise<common.OperationAnswer> {
    return this.snapshots.create(call, request);
  }

  updateSnapshot(call: CallContext, request: storage.UpdateVolume): Promise<common.Empty> {
    return this.snapshots.update(call, request);
  }

  renameSnapshot(call: CallContext, request: storage.RenameVolume): Promise<common.OperationAnswer> {
    return this.snapshots.rename(call, request);
  }

  deleteSnapshot(call: CallContext, request: storage.VolumeRef): Promise<common.OperationAnswer> {
    return this.snapshots.delete(call, request);
  }

  listBackups(call: CallContext, request: storage.ListVolumeBackups): Promise<common.Document> {
    return this.backups.list(call, request);
  }

  getBackup(call: CallContext, request: storage.VolumeBackupRef): Promise<common.Document> {
    return this.backups.get(call, request);
  }

  createBackup(call: CallContext, request: storage.CreateVolumeBackup): Promise<common.OperationAnswer> {
    return this.backups.create(call, request);
  }

  renameBackup(call: CallContext, request: storage.RenameVolumeBackup): Promise<common.OperationAnswer> {
    return this.backups.rename(call, request);
  }

  deleteBackup(call: CallContext, request: storage.VolumeBackupRef): Promise<common.OperationAnswer> {
    return this.backups.delete(call, request);
  }

  exportBackup(call: CallContext, request: storage.VolumeBackupRef): AsyncIterable<agentBackups.BackupFile> {
    return this.backups.export(call, request);
  }

  importBackup(call: CallContext, frames: AsyncIterable<backups.BackupUpload>): Promise<common.OperationAnswer> {
    return this.backups.import(call, frames);
  }
}

function volumeExists(): LxdError {
  return new LxdError('conflict', 'Volume by that name already exists');
}

