import { defineTask, type StepContext, type TaskDefinition } from '@asterism/tasks';
import { isUniqueViolation, type Unit } from '@asterism/database';
import { expiryFrom, instanceKeys, nextSnapshotName, valueOf } from '@asterism/config-keys';
import type { InstanceKey } from '../admission.js';
import { isRunning, type InstanceRow, type SnapshotRow } from '../instance.js';
import { Refused } from '../refusal.js';
import { emit, emitSnapshot, type TaskParts } from '../task-parts.js';

export interface SnapshotWish extends InstanceKey {
  /** Empty: the next of the pattern. */
  snapshot: string;
  stateful: boolean;
  /** Absent: by snapshots.expiry; 0: never. */
  expiresAtMs?: number | undefined;
}

/** Writes the row of a snapshot about to be taken; its id is the task's. */
export async function acceptSnapshot(parts: TaskParts, unit: Unit, row: InstanceRow, wish: SnapshotWish, task: string): Promise<void> {
  if (wish.stateful) throw new Refused(`Unable to create a stateful snapshot. ${isRunning(row) ? "CRIU isn't installed" : "The instance isn't running"}`);
  const name = wish.snapshot || nextSnapshotName(valueOf(row.expanded_config, instanceKeys.snapshotsPattern), await parts.snapshots.names(unit, row.id), new Date());
  const record = requireSnapshotName(name);
  try {
    await parts.snapshots.insert(unit, { ...snapshotOf(row), id: task, name, expires_at: expiry(row, wish), ready: false });
  } catch (error) {
    if (isUniqueViolation(error)) throw new Refused(`${record}: Add snapshot info to the database: This "instances_snapshots" entry already exists`);
    throw error;
  }
}

/** Answers how refusals of its record begin. */
export function requireSnapshotName(name: string): string {
  const record = `Failed creating instance snapshot record ${JSON.stringify(name)}`;
  if (/[ /\u0000-\u001f\u007f]/.test(name) || ['', '.', '..'].includes(name)) throw new Refused(`${record}: Invalid instance snapshot name: Cannot contain space or / characters`);
  return record;
}

function expiry(row: InstanceRow, wish: SnapshotWish): Date | null {
  if (wish.expiresAtMs !== undefined) return wish.expiresAtMs > 0 ? new Date(wish.expiresAtMs) : null;
  const expression = valueOf(row.expanded_config, instanceKeys.snapshotsExpiry);
  return expression ? new Date(expiryFrom(Date.now(), expression)) : null;
}

function snapshotOf(row: InstanceRow): Omit<SnapshotRow, 'id' | 'name' | 'created_at' | 'expires_at'> {
  return {
    instance_id: row.id,
    architecture: row.architecture,
    ephemeral: row.ephemeral,
    stateful: false,
    config: row.config,
    devices: row.devices,
    profiles: row.profiles,
    expanded_config: row.expanded_config,
    expanded_devices: row.expanded_devices,
    description: row.description,
  };
}

interface SnapshotState {
  name: string;
  froze: boolean;
}

/** Drivers that copy files need the instance to hold still meanwhile. */
const copyingDrivers: readonly string[] = ['dir'];

export function createSnapshot(parts: TaskParts): TaskDefinition<SnapshotWish, SnapshotState> {
  type Context = StepContext<SnapshotWish, SnapshotState>;
  const rowOf = ({ input }: Context): Promise<InstanceRow> => parts.instances.get(input.project, input.name);
  const nameOf = async (context: Context): Promise<string> => (context.state.name ||= await parts.snapshots.nameById(context.id));
  const mustFreeze = (row: InstanceRow): boolean => row.status === 'Running' && copyingDrivers.includes(row.pool_driver);
  const thaw = async (context: Context): Promise<void> => {
    const row = await rowOf(context);
    if (mustFreeze(row)) await parts.agentOf(row).unfreeze(context.call, { id: row.id });
  };
  return defineTask<SnapshotWish, SnapshotState>({
    kind: 'instance.snapshot',
    initial: () => ({ name: '', froze: false }),
    steps: [
      {
        name: 'hold still',
        applies: async (context) => mustFreeze(await rowOf(context)),
        run: async (context) => {
          const row = await rowOf(context);
          await parts.agentOf(row).freeze(context.call, { id: row.id });
          context.state.froze = true;
        },
        undo: thaw,
      },
      {
        name: 'snapshot of the volume',
        run: async (context) => void (await parts.volumes.snapshot(context.call, parts.volumeOf(await rowOf(context), await nameOf(context)))),
        undo: async (context) => void (await parts.volumes.delete(context.call, parts.volumeOf(await rowOf(context), await nameOf(context)))),
      },
      { name: 'go on', applies: async (context) => mustFreeze(await rowOf(context)), run: thaw },
    ],
    async conclude(unit, { id, call, input, state }) {
      const row = await parts.instances.lock(unit, input.project, input.name);
      await parts.snapshots.setReady(unit, id);
      await parts.instances.release(unit, row.id, id);
      emitSnapshot(unit, call, 'instance-snapshot-created', row, state.name);
      if (!state.froze) return;
      emit(unit, call, 'instance-paused', row);
      emit(unit, call, 'instance-resumed', row);
    },
    async abandon(unit, { id, input }) {
      const row = await parts.instances.lock(unit, input.project, input.name);
      await parts.snapshots.delete(unit, id);
      await parts.instances.release(unit, row.id, id);
    },
  });
}

export interface SnapshotInput extends InstanceKey {
  snapshot: string;
  snapshotId: string;
}

export function deleteSnapshot(parts: TaskParts): TaskDefinition<SnapshotInput, object> {
  return defineTask<SnapshotInput, object>({
    kind: 'snapshot.delete',
    steps: [
      {
        name: 'snapshot of the volume',
        run: async ({ call, input }) => void (await parts.volumes.delete(call, parts.volumeOf(await parts.instances.get(input.project, input.name), input.snapshot))),
      },
    ],
    async conclude(unit, { id, call, input }) {
      const row = await parts.instances.lock(unit, input.project, input.name);
      await parts.snapshots.delete(unit, input.snapshotId);
      await parts.instances.release(unit, row.id, id);
      emitSnapshot(unit, call, 'instance-snapshot-deleted', row, input.snapshot);
    },
    async abandon(unit, { id, input }) {
      const row = await parts.instances.lock(unit, input.project, input.name);
      await parts.instances.release(unit, row.id, id);
    },
  });
}

export interface RenameSnapshotInput extends SnapshotInput {
  newName: string;
}

export function renameSnapshot(parts: TaskParts): TaskDefinition<RenameSnapshotInput, object> {
  const rename = async (context: StepContext<RenameSnapshotInput, object>, from: string, to: string): Promise<void> => {
    const row = await parts.instances.get(context.input.project, context.input.name);
    await parts.volumes.rename(context.call, { volume: parts.volumeOf(row, from), new_name: to });
  };
  return defineTask<RenameSnapshotInput, object>({
    kind: 'snapshot.rename',
    steps: [
      {
        name: 'snapshot of the volume',
        run: (context) => rename(context, context.input.snapshot, context.input.newName),
        undo: (context) => rename(context, context.input.newName, context.input.snapshot),
      },
    ],
    async conclude(unit, { id, call, input }) {
      const row = await parts.instances.lock(unit, input.project, input.name);
      await parts.snapshots.rename(unit, input.snapshotId, input.newName);
      await parts.instances.release(unit, row.id, id);
      emitSnapshot(unit, call, 'instance-snapshot-renamed', row, input.newName, { old_name: `${row.name}/${input.snapshot}` });
    },
    async abandon(unit, { id, input }) {
      const row = await parts.instances.lock(unit, input.project, input.name);
      await parts.instances.release(unit, row.id, id);
    },
  });
}

export interface ExpiryInput extends SnapshotInput {
  expiresAtMs?: number | undefined;
}

/** Sets when a snapshot expires; nothing but the row changes. */
export function updateSnapshot(parts: TaskParts): TaskDefinition<ExpiryInput, object> {
  return defineTask<ExpiryInput, object>({
    kind: 'snapshot.update',
    steps: [],
    async conclude(unit, { id, call, input }) {
      const row = await parts.instances.lock(unit, input.project, input.name);
      if (input.expiresAtMs !== undefined) await parts.snapshots.setExpiry(unit, input.snapshotId, input.expiresAtMs > 0 ? new Date(input.expiresAtMs) : null);
      await parts.instances.release(unit, row.id, id);
      emitSnapshot(unit, call, 'instance-snapshot-updated', row, input.snapshot);
    },
    async abandon(unit, { id, input }) {
      const row = await parts.instances.lock(unit, input.project, input.name);
      await parts.instances.release(unit, row.id, id);
    },
  });
}
