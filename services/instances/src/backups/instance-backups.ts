import { Agents } from '@asterism/agents';
import { apiUrl } from '@asterism/api';
import { Backups, type ArchiveWish, type BackupOwner, type BackupWords } from '@asterism/backups';
import { Database } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import { lifecycle } from '@asterism/events';
import { Token, type agentBackups, type backups, type Cluster, type common, type instances } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { Tasks } from '@asterism/tasks';
import { Inject, Injectable } from '@nestjs/common';
import type { InstanceRow } from '../instance.js';
import { DocumentStore } from '../lists/document.store.js';
import { refOf } from '../power/power.js';
import { TaskParts } from '../task-parts.js';
import { archiveIndex } from './archive-index.js';
import { ImportInstance } from './import-instance.js';

/** Backups of instances: files that `lxc export` downloads. */
@Injectable()
export class InstanceBackups {
  readonly #backups: Backups;

  constructor(
    @Inject(Tasks) tasks: Tasks,
    @Inject(Database) database: Database,
    @Inject(Agents) agents: Agents,
    @Inject(TaskParts) private readonly parts: TaskParts,
    @Inject(DocumentStore) private readonly documents: DocumentStore,
    @Inject(Token.Cluster) private readonly cluster: Cluster,
    @Inject(ImportInstance) private readonly imports: ImportInstance,
  ) {
    this.#backups = new Backups({ tasks, database, agents, words: this.#words });
  }

  async list(request: instances.ListBackupsRequest): Promise<common.Document> {
    return this.#backups.list(await this.#owner(request.instance), request.recursion);
  }

  async get(request: instances.BackupRef): Promise<common.Document> {
    return this.#backups.get(await this.#owner(request.instance), request.backup);
  }

  async create(call: CallContext, { instance, wish }: instances.CreateBackupRequest): Promise<common.OperationAnswer> {
    if (!wish) throw new LxdError('bad-request', 'No backup described');
    const owner = await this.#owner(instance);
    await this.parts.surroundings.checkBackup(call, owner.project);
    const [project, server] = await Promise.all([this.parts.surroundings.resolve(call, owner.project, []), this.cluster.config(call, {})]);
    return this.#backups.create(call, owner, wish, { project: project.config, server: server.config });
  }

  async rename(call: CallContext, { backup, new_name }: instances.RenameBackupRequest): Promise<common.OperationAnswer> {
    return this.#backups.rename(call, await this.#owner(backup?.instance), backup?.backup ?? '', new_name);
  }

  async delete(call: CallContext, request: instances.BackupRef): Promise<common.OperationAnswer> {
    return this.#backups.delete(call, await this.#owner(request.instance), request.backup);
  }

  async *export(call: CallContext, request: instances.BackupRef): AsyncIterable<agentBackups.BackupFile> {
    yield* this.#backups.export(call, await this.#owner(request.instance), request.backup);
  }

  /** An instance of an archive. */
  import(call: CallContext, frames: AsyncIterable<backups.BackupUpload>): Promise<common.OperationAnswer> {
    return this.imports.import(call, frames);
  }

  /** JSON text of the backups of each instance that has any, by its id. */
  listsOf(ids: readonly string[]): Promise<Map<string, string>> {
    return this.#backups.listsOf(ids);
  }

  /** Removes those that have expired. */
  sweep(now: Date): Promise<void> {
    return this.#backups.sweep(now, async (id) => {
      const row = await this.parts.instances.byId(id);
      return row && ownerOf(row);
    });
  }

  async #owner(ref: instances.InstanceRef | undefined): Promise<BackupOwner> {
    const { project, name, view } = refOf(ref);
    return ownerOf(await this.parts.instances.get(project, name, view));
  }

  readonly #words: BackupWords = {
    kind: 'instance',
    words: 'Create backup',
    missing: 'Load backup from database: Instance backup not found',
    only: ['instance_only', 'container_only'],
    url: backupUrl,
    operation: (what, owner, backup) => operationOf(what, owner, backup),
    event: (call, what, owner, backup, context) =>
      lifecycle({ action: `instance-backup-${what}`, source: backupUrl(owner, backup), project: owner.project, location: owner.member, requestor: call.requestor, context }),
    write: (call, owner, wish) => this.#write(call, owner, wish),
  };

  async #write(call: CallContext, owner: BackupOwner, wish: ArchiveWish): Promise<agentBackups.BackupWritten> {
    const row = await this.parts.instances.byId(owner.id);
    if (!row) throw new LxdError('not-found', 'Instance not found');
    const snapshots = wish.only ? [] : await this.parts.snapshots.of(row.id);
    const [shown] = await this.documents.rendered({ projects: [row.project], type: '', name: row.name });
    const listed = wish.only ? undefined : (await this.documents.snapshotLists({ projects: [row.project], type: '', name: row.name })).get(row.id);
    const { profiles } = await this.parts.surroundings.resolve(call, row.project, row.profiles);
    const index = archiveIndex({ instance: JSON.parse(shown?.json ?? '{}'), snapshots: JSON.parse(listed ?? '[]'), profiles });
    return this.parts.volumes.backup(call, {
      ...{ volume: this.parts.volumeOf(row), id: wish.id, snapshots: snapshots.map(({ name }) => name) },
      ...{ index: Buffer.from(JSON.stringify(index)), optimized: wish.optimized, compression: wish.compression },
    });
  }
}

function ownerOf({ id, project, name, member }: InstanceRow): BackupOwner {
  return { id, project, name, member };
}

function backupUrl(owner: BackupOwner, backup: string): string {
  return apiUrl(['instances', owner.name, 'backups', backup], { project: owner.project });
}

const descriptions = { create: 'Backing up instance', rename: 'Renaming instance backup', delete: 'Removing instance backup' } as const;

function operationOf(what: keyof typeof descriptions, owner: BackupOwner, backup: string): ReturnType<BackupWords['operation']> {
  const own = { instances: [`/1.0/instances/${owner.name}`], containers: [`/1.0/containers/${owner.name}`] };
  const resources: Record<string, string[]> = { ...own, ...(what === 'create' ? { backups: [`/1.0/backups/${backup}`] } : {}) };
  return { description: descriptions[what], project: owner.project, resources: what === 'delete' ? { container: [`/1.0/container/${owner.name}`] } : resources };
}
