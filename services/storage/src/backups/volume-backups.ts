import { Inject, Injectable } from '@nestjs/common';
import { Agents } from '@asterism/agents';
import { Backups, type ArchiveWish, type BackupOwner, type BackupWords } from '@asterism/backups';
import { Database } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import { Token, type agentBackups, type backups, type Cluster, type common, type Projects, type storage } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { Tasks } from '@asterism/tasks';
import { volumeEvent } from '../volumes/volume-events.js';
import { required, VolumeScope } from '../volumes/volume-scope.js';
import { defaultProject, volumeUrl } from '../volumes/volume-urls.js';
import type { VolumeRow } from '../volumes/volume.store.js';
import { ImportVolume } from './import-volume.js';
import { writeArchive } from './write-archive.js';

interface VolumeOwner extends BackupOwner {
  pool: string;
}

/** Backups of custom volumes: files that `lxc storage volume export` downloads. */
@Injectable()
export class VolumeBackups {
  readonly #backups: Backups<VolumeOwner>;

  constructor(
    @Inject(Tasks) tasks: Tasks,
    @Inject(Database) database: Database,
    @Inject(Agents) private readonly agents: Agents,
    @Inject(VolumeScope) private readonly scope: VolumeScope,
    @Inject(Token.Projects) private readonly projects: Projects,
    @Inject(Token.Cluster) private readonly cluster: Cluster,
    @Inject(ImportVolume) private readonly imports: ImportVolume,
  ) {
    this.#backups = new Backups({ tasks, database, agents, words: this.#words });
  }

  async list(call: CallContext, request: storage.ListVolumeBackups): Promise<common.Document> {
    return this.#backups.list(await this.#owner(call, request.volume), request.recursion);
  }

  async get(call: CallContext, request: storage.VolumeBackupRef): Promise<common.Document> {
    return this.#backups.get(await this.#owner(call, request.volume), request.backup);
  }

  async create(call: CallContext, { volume, wish }: storage.CreateVolumeBackup): Promise<common.OperationAnswer> {
    if (!wish) throw new LxdError('bad-request', 'No backup described');
    const name = required(volume).project || defaultProject;
    const owner = await this.#owner(call, volume);
    await this.projects.checkBackup(call, { name });
    const [project, server] = await Promise.all([this.projects.resolve(call, { project: name, profiles: [] }), this.cluster.config(call, {})]);
    return this.#backups.create(call, owner, wish, { project: project.project?.config ?? {}, server: server.config });
  }

  async rename(call: CallContext, { backup, new_name }: storage.RenameVolumeBackup): Promise<common.OperationAnswer> {
    return this.#backups.rename(call, await this.#owner(call, backup?.volume), backup?.backup ?? '', new_name);
  }

  async delete(call: CallContext, request: storage.VolumeBackupRef): Promise<common.OperationAnswer> {
    return this.#backups.delete(call, await this.#owner(call, request.volume), request.backup);
  }

  async *export(call: CallContext, request: storage.VolumeBackupRef): AsyncIterable<agentBackups.BackupFile> {
    yield* this.#backups.export(call, await this.#owner(call, request.volume), request.backup);
  }

  /** A volume of an archive. */
  import(call: CallContext, frames: AsyncIterable<backups.BackupUpload>): Promise<common.OperationAnswer> {
    return this.imports.import(call, frames);
  }

  /** Those of a volume whose contents are gone. */
  forget(call: CallContext, volumeId: string): Promise<void> {
    return this.#backups.removeFiles(call, volumeId);
  }

  /** Removes those that have expired. */
  sweep(now: Date): Promise<void> {
    return this.#backups.sweep(now, async (id) => {
      const volume = await this.scope.volumes.byId(id);
      return volume && ownerOf(volume);
    });
  }

  async #owner(call: CallContext, ref: storage.VolumeRef | undefined): Promise<VolumeOwner> {
    const { type } = required(ref);
    if (type !== 'custom') throw new LxdError('bad-request', `Invalid storage volume type ${JSON.stringify(type)}`);
    return ownerOf((await this.scope.find(call, ref)).volume);
  }

  readonly #words: BackupWords<VolumeOwner> = {
    kind: 'volume',
    words: 'Create volume backup',
    missing: 'Storage volume backup not found',
    only: ['volume_only'],
    url: backupUrl,
    operation: operationOf,
    event: (call, what, owner, backup, context) => volumeEvent(call, `storage-volume-backup-${what}`, { ...owner, type: 'custom', name: `${owner.name}/${backup}` }, context),
    write: (call, owner, wish) => this.#write(call, owner, wish),
  };

  async #write(call: CallContext, owner: VolumeOwner, wish: ArchiveWish): Promise<agentBackups.BackupWritten> {
    const volume = await this.scope.volumes.byId(owner.id);
    if (!volume) throw new LxdError('not-found', 'Storage pool volume not found');
    const rows = wish.only ? [] : await this.scope.snapshots.ofVolume(volume.id);
    const snapshots = rows.map(({ name }) => name);
    const index = { name: volume.name, type: 'custom', ...(snapshots.length > 0 ? { snapshots } : {}) };
    const pool = await this.scope.pools.byId(volume.pool_id);
    return writeArchive(call, this.agents, { pool, volume }, { ...wish, snapshots, index }, rows);
  }
}

function ownerOf({ id, project, name, member, pool }: VolumeRow): VolumeOwner {
  return { id, project, name, member, pool };
}

function backupUrl({ pool, project, name }: VolumeOwner, backup: string): string {
  return volumeUrl({ pool, project, type: 'custom', name }).replace(/(\?|$)/, `/backups/${encodeURIComponent(backup)}$1`);
}

const descriptions = { create: 'Creating custom volume backup', rename: 'Renaming custom volume backup', delete: 'Deleting custom volume backup' } as const;

function operationOf(what: keyof typeof descriptions, owner: BackupOwner, backup: string): ReturnType<BackupWords['operation']> {
  const resources: Record<string, string[]> =
    what === 'create' ? { storage_volumes: [`/1.0/storage_volumes/${owner.name}`], backups: [`/1.0/backups/${backup}`] } : { volume: [`/1.0/volume/${owner.name}`] };
  return { description: descriptions[what], project: owner.project, resources };
}
