import type { Agents } from '@asterism/agents';
import { isKind, LxdError } from '@asterism/errors';
import type { AsterismEvent } from '@asterism/events';
import type { agentBackups } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { defineTask, progressWords, type StepContext, type TaskDefinition } from '@asterism/tasks';
import type { BackupOwner, BackupRow } from './backup.js';
import type { BackupStore } from './backup.store.js';

/** What the archive of an owner is to be. */
export interface ArchiveWish {
  /** Of the file on the member. */
  id: string;
  only: boolean;
  optimized: boolean;
  compression: string;
}

/** What differs between backups of instances and of volumes. */
export interface BackupSubject<O extends BackupOwner = BackupOwner> {
  /** Prefix of the tasks' kinds. */
  kind: string;
  /** "Create backup", "Create volume backup". */
  words: string;
  /** Writes the archive on the owner's member. */
  write(call: CallContext, owner: O, wish: ArchiveWish): Promise<agentBackups.BackupWritten>;
  event(call: CallContext, what: 'created' | 'renamed' | 'deleted', owner: O, backup: string, context?: Record<string, unknown>): AsterismEvent;
}

export interface CreateInput<O extends BackupOwner> {
  owner: O;
  name: string;
  expiresAtMs: number;
  wish: Omit<ArchiveWish, 'id'>;
}

export interface BackupInput<O extends BackupOwner> {
  owner: O;
  row: Pick<BackupRow, 'id' | 'member' | 'name'>;
}

export interface RenameInput<O extends BackupOwner> extends BackupInput<O> {
  newName: string;
}

interface Parts<O extends BackupOwner> {
  store: BackupStore;
  agents: Agents;
  subject: BackupSubject<O>;
}

/** The row first, then the file, which nobody can fetch before the row is ready; undone in reverse. The task's id is the backup's. */
export function createBackup<O extends BackupOwner>({ store, agents, subject }: Parts<O>): TaskDefinition<CreateInput<O>, agentBackups.BackupWritten> {
  return defineTask<CreateInput<O>, agentBackups.BackupWritten>({
    kind: `${subject.kind}.backup`,
    initial: () => ({ optimized: false, size_bytes: 0 }),
    steps: [
      {
        name: 'its record',
        run: async ({ id, input, transact }) => {
          const { owner, name, expiresAtMs, wish } = input;
          const row = { id, owner_id: owner.id, member: owner.member, name, only: wish.only, optimized: wish.optimized, expires_at: expiresAtMs > 0 ? new Date(expiresAtMs) : null };
          await transact((unit) => store.insert(unit, row)).catch((error: unknown) => {
            throw isKind(error, 'conflict') ? new LxdError('conflict', `${subject.words}: Backup ${JSON.stringify(`${owner.name}/${name}`)} already exists`) : error;
          });
        },
        undo: ({ id, transact }) => transact((unit) => store.delete(unit, id)),
      },
      {
        name: 'archive on the member',
        run: async (context) => {
          const { owner, wish } = context.input;
          const told = tellProgress(context, agents);
          try {
            Object.assign(context.state, await subject.write(context.call, owner, { ...wish, id: context.id }));
          } finally {
            clearInterval(told);
          }
        },
        undo: async ({ id, call, input }) => void (await agents.on(input.owner.member).backups.delete(call, { id })),
      },
    ],
    async conclude(unit, { id, call, input, state }) {
      if (!(await store.markReady(unit, id, state))) throw new LxdError('not-found', `${subject.words}: ${input.owner.name} is there no more`);
      unit.emit(subject.event(call, 'created', input.owner, input.name));
    },
  });
}

const tellEveryMs = 1000;

/** What clients show while an archive is written. */
function tellProgress<O extends BackupOwner>({ id, call, input, progress }: StepContext<CreateInput<O>, agentBackups.BackupWritten>, agents: Agents): NodeJS.Timeout {
  const startedMs = performance.now();
  const tell = async (): Promise<void> => {
    const { bytes } = await agents.on(input.owner.member).backups.progress(call, { id });
    if (bytes > 0) progress({ create_backup_progress: progressWords(bytes, (bytes * 1000) / (performance.now() - startedMs)) });
  };
  return setInterval(() => void tell().catch(() => undefined), tellEveryMs).unref();
}

export function deleteBackup<O extends BackupOwner>({ store, agents, subject }: Parts<O>): TaskDefinition<BackupInput<O>, object> {
  return defineTask<BackupInput<O>, object>({
    kind: `${subject.kind}.backup-delete`,
    steps: [{ name: 'archive on the member', run: async ({ call, input }) => void (await agents.on(input.row.member).backups.delete(call, { id: input.row.id })) }],
    async conclude(unit, { call, input }) {
      await store.delete(unit, input.row.id);
      unit.emit(subject.event(call, 'deleted', input.owner, input.row.name));
    },
  });
}

/** The file is named after the row's id: only the row changes. */
export function renameBackup<O extends BackupOwner>({ store, subject }: Parts<O>): TaskDefinition<RenameInput<O>, object> {
  return defineTask<RenameInput<O>, object>({
    kind: `${subject.kind}.backup-rename`,
    steps: [],
    async conclude(unit, { call, input }) {
      const { owner, row, newName } = input;
      await store.rename(unit, row.id, newName).catch((error: unknown) => {
        throw isKind(error, 'conflict') ? new LxdError('conflict', `Backup ${JSON.stringify(`${owner.name}/${newName}`)} already exists`) : error;
      });
      unit.emit(subject.event(call, 'renamed', owner, newName, { old_name: row.name }));
    },
  });
}
