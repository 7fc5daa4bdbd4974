import type { Agents } from '@asterism/agents';
import { document } from '@asterism/api';
import type { Database } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import type { agentBackups, backups, common } from '@asterism/proto';
import { systemCall, type CallContext } from '@asterism/rpc';
import type { OperationSpec, TaskDefinition, Tasks } from '@asterism/tasks';
import { backupObject, compressionOf, invalidCompression, nextBackupName, type BackupOwner, type BackupRow } from './backup.js';
import { BackupStore } from './backup.store.js';
import { createBackup, deleteBackup, renameBackup, type BackupInput, type BackupSubject, type CreateInput, type RenameInput } from './backup-tasks.js';

/** How the API speaks of one kind of backups. */
export interface BackupWords<O extends BackupOwner = BackupOwner> extends BackupSubject<O> {
  missing: string;
  /** Keys of the object that say "without snapshots". */
  only: readonly string[];
  url(owner: O, backup: string): string;
  operation(what: 'create' | 'rename' | 'delete', owner: O, backup: string): OperationSpec;
}

export interface BackupsParts<O extends BackupOwner> {
  tasks: Tasks;
  database: Database;
  agents: Agents;
  words: BackupWords<O>;
}

/** The configuration that decides about compression. */
export interface CompressionConfig {
  project: Readonly<Record<string, string>>;
  server: Readonly<Record<string, string>>;
}

/** Backups of one kind of owner: instances, or custom volumes. Rows and durable tasks are the service's, files the agents'. */
export class Backups<O extends BackupOwner = BackupOwner> {
  readonly #store: BackupStore;
  readonly #create: TaskDefinition<CreateInput<O>, agentBackups.BackupWritten>;
  readonly #delete: TaskDefinition<BackupInput<O>, object>;
  readonly #rename: TaskDefinition<RenameInput<O>, object>;

  constructor(private readonly parts: BackupsParts<O>) {
    this.#store = new BackupStore(parts.database);
    const taskParts = { store: this.#store, agents: parts.agents, subject: parts.words };
    parts.tasks.register((this.#create = createBackup(taskParts)));
    parts.tasks.register((this.#delete = deleteBackup(taskParts)));
    parts.tasks.register((this.#rename = renameBackup(taskParts)));
  }

  async list(owner: O, recursion: number): Promise<common.Document> {
    const rows = await this.#store.of([owner.id]);
    const { words } = this.parts;
    return document(rows.map((row) => (recursion > 0 ? backupObject(row, words.only) : words.url(owner, row.name))));
  }

  async get(owner: O, name: string): Promise<common.Document> {
    return document(backupObject(await this.#find(owner, name), this.parts.words.only));
  }

  /** JSON text of the backups of each owner that has any. */
  async listsOf(ownerIds: readonly string[]): Promise<Map<string, string>> {
    const byOwner = Map.groupBy(await this.#store.of(ownerIds), (row) => row.owner_id);
    return new Map([...byOwner].map(([id, rows]) => [id, JSON.stringify(rows.map((row) => backupObject(row, this.parts.words.only)))]));
  }

  async create(call: CallContext, owner: O, wish: backups.BackupWish, config: CompressionConfig): Promise<common.OperationAnswer> {
    requireName(wish.name);
    const refused = invalidCompression(wish.compression);
    if (refused !== undefined) throw new LxdError('bad-request', refused);
    const name = wish.name || nextBackupName((await this.#store.all(owner.id)).map((row) => row.name));
    const compression = compressionOf(wish.compression, config.project, config.server);
    const input = { owner, name, expiresAtMs: wish.expires_at_ms, wish: { only: wish.only, optimized: wish.optimized, compression } };
    return this.parts.tasks.open(call, this.#create, { input, operation: this.parts.words.operation('create', owner, name) });
  }

  async rename(call: CallContext, owner: O, name: string, newName: string): Promise<common.OperationAnswer> {
    requireName(newName);
    if (newName === '') throw new LxdError('bad-request', 'No backup name provided');
    const row = await this.#find(owner, name);
    return this.parts.tasks.open(call, this.#rename, { input: { owner, row, newName }, operation: this.parts.words.operation('rename', owner, name) });
  }

  async delete(call: CallContext, owner: O, name: string): Promise<common.OperationAnswer> {
    const row = await this.#find(owner, name);
    return this.parts.tasks.open(call, this.#delete, { input: { owner, row }, operation: this.parts.words.operation('delete', owner, name) });
  }

  async *export(call: CallContext, owner: O, name: string): AsyncIterable<agentBackups.BackupFile> {
    const { id, member, size_bytes } = await this.#find(owner, name);
    for await (const frame of this.parts.agents.on(member).backups.read(call, { id })) {
      if (frame.part?.$case === 'facts' && frame.part.value.size_bytes !== size_bytes) throw new LxdError('internal', 'The file of the backup is damaged');
      yield frame;
    }
  }

  /** The files of an owner whose contents are gone; the rows go with its own. */
  async removeFiles(call: CallContext, ownerId: string): Promise<void> {
    for (const { id, member } of await this.#store.doom(ownerId)) await this.parts.agents.on(member).backups.delete(call, { id });
  }

  /** Removes what has expired. */
  async sweep(now: Date, ownerOf: (id: string) => Promise<O | undefined>): Promise<void> {
    for (const row of await this.#store.expired(now)) {
      const owner = await ownerOf(row.owner_id);
      if (!owner) continue;
      await this.parts.tasks.perform(systemCall(), this.#delete, { owner, row }).catch((error: unknown) => process.stderr.write(`expired backup ${owner.project}/${owner.name}/${row.name}: ${String(error)}\n`));
    }
  }

  async #find(owner: O, name: string): Promise<BackupRow> {
    const row = await this.#store.find(owner.id, name);
    if (!row) throw new LxdError('not-found', this.parts.words.missing);
    return row;
  }
}

function requireName(name: string): void {
  if (name.includes('/')) throw new LxdError('bad-request', 'Backup names may not contain slashes');
  if (/[\u0000-\u001f\u007f]/.test(name) || name.length > 200) throw new LxdError('bad-request', `Invalid backup name ${JSON.stringify(name)}`);
}
