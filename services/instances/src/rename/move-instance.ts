import { diskKeys } from '@asterism/config-keys';
import { isKind } from '@asterism/errors';
import { waitingFor } from '@asterism/service';
import { defineTask, type StepContext, type TaskDefinition } from '@asterism/tasks';
import type { InstanceKey } from '../admission.js';
import { rootSize } from '../create/plan.js';
import { rootDisk } from '../expand.js';
import { isRunning, sortedDevices, type InstanceRow } from '../instance.js';
import { Refused } from '../refusal.js';
import { emit, type TaskParts } from '../task-parts.js';

/** For a member that is started again. */
const patienceMs = 120_000;

export interface MoveInput extends InstanceKey {
  newName: string;
  pool: string;
  poolDriver: string;
  member: string;
}

export function requireMovable(row: InstanceRow, member = row.member): void {
  if (isRunning(row)) throw new Refused(member === row.member ? 'Instance must not be running to move between pools' : 'Instance must be stopped to be moved statelessly');
}

/** Moves a stopped instance with its snapshots to another pool, or another member: copied first, the old volume goes last. */
export function moveInstance(parts: TaskParts): TaskDefinition<MoveInput, { volumePath: string }> {
  type Context = StepContext<MoveInput, { volumePath: string }>;
  const rowOf = ({ input }: Context): Promise<InstanceRow> => parts.instances.get(input.project, input.name);
  const snapshotsOf = async (row: InstanceRow): Promise<string[]> => (await parts.snapshots.of(row.id)).map((snapshot) => snapshot.name);
  const remove = async (context: Context, row: InstanceRow): Promise<void> => {
    for (const snapshot of (await snapshotsOf(row)).reverse()) await parts.volumes.delete(context.call, parts.volumeOf(row, snapshot));
    await parts.volumes.delete(context.call, parts.volumeOf(row));
  };
  /** Tells the agent where the instance lies, and by what name it was known before. */
  const place = async (context: Context, row: InstanceRow, oldName: string): Promise<void> => {
    const spec = parts.surroundings.bareSpec(row);
    const agent = parts.agentOf(row);
    await (row.name === oldName ? agent.create(context.call, { spec, trigger: '' }) : agent.rename(context.call, { spec, old_name: oldName }));
  };
  /** On another member it is new. */
  const arrive = async (context: Context, row: InstanceRow): Promise<void> => {
    await parts.agentOf(row).create(context.call, { spec: parts.surroundings.bareSpec(row), trigger: '' });
  };
  const leave = async (context: Context, row: InstanceRow): Promise<void> => {
    await parts.agentOf(row).delete(context.call, parts.surroundings.bareSpec(row));
  };
  return defineTask<MoveInput, { volumePath: string }>({
    kind: 'instance.move',
    initial: () => ({ volumePath: '' }),
    steps: [
      {
        name: 'volume in the other pool',
        run: async (context) => {
          const row = await rowOf(context);
          const target = moved(row, context.input, '');
          const source = { $case: 'copy_from', value: parts.volumeOf(row) } as const;
          const request = { volume: parts.volumeOf(target), member: target.member, config: {}, size: rootSize(row.expanded_devices), snapshots: await snapshotsOf(row), source };
          context.state.volumePath = (await parts.volumes.create(context.call, request)).path;
        },
        undo: async (context) => remove(context, moved(await rowOf(context), context.input, '')),
      },
      {
        name: 'its place on the member',
        run: async (context) => {
          const row = await rowOf(context);
          const target = moved(row, context.input, context.state.volumePath);
          await (target.member === row.member ? place(context, target, row.name) : arrive(context, target));
        },
        undo: async (context) => {
          const row = await rowOf(context);
          const target = moved(row, context.input, context.state.volumePath);
          await (target.member === row.member ? place(context, row, context.input.newName) : leave(context, target));
        },
      },
      {
        name: 'the old volume',
        run: async (context) => {
          const row = await rowOf(context);
          const go = (): Promise<void> => (context.input.member === row.member ? remove(context, row) : leave(context, row).then(() => remove(context, row)));
          // From here there is no way back. A member that stays away is told of by what looks after its volumes.
          await patiently(go).catch((error: unknown) => process.stderr.write(`old volume of ${row.project}/${row.name} in ${row.pool}: ${String(error)}\n`));
        },
      },
    ],
    async conclude(unit, { call, input, state }) {
      const row = await parts.instances.lock(unit, input.project, input.name);
      const after = moved(row, input, state.volumePath);
      await parts.instances.finish(unit, after);
      await parts.instances.keepName(unit, row.id, after.name);
      if (after.member === row.member) return emit(unit, call, 'instance-renamed', after, { old_name: row.name });
      emit(unit, call, 'instance-deleted', row);
      emit(unit, call, 'instance-created', after, { 'storage-pool': after.pool, type: after.type });
    },
    async abandon(unit, { id, input }) {
      const row = await parts.instances.lock(unit, input.project, input.name);
      await parts.instances.keepName(unit, row.id, row.name);
      await parts.instances.release(unit, row.id, id);
    },
  });
}

/** Waits for a member that is away. */
async function patiently(work: () => Promise<void>): Promise<void> {
  const until = performance.now() + patienceMs;
  await waitingFor('the member that an instance leaves', work, (error) => isKind(error, 'unavailable') && performance.now() < until);
}

/** The row in its new place; the root disk becomes the instance's own device there. */
function moved(row: InstanceRow, input: MoveInput, volumePath: string): InstanceRow {
  const root = rootDisk(row.expanded_devices);
  const device = root && input.pool !== row.pool ? { [root.name]: { ...root.options, [diskKeys.pool.name]: input.pool } } : {};
  return {
    ...row,
    name: input.newName,
    member: input.member,
    pool: input.pool,
    pool_driver: input.poolDriver,
    volume_path: volumePath,
    devices: sortedDevices({ ...row.devices, ...device }),
    expanded_devices: sortedDevices({ ...row.expanded_devices, ...device }),
  };
}
