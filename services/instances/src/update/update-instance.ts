import type { CallContext } from '@asterism/rpc';
import { defineTask, type StepContext, type TaskDefinition } from '@asterism/tasks';
import type { InstanceKey } from '../admission.js';
import { rootSize } from '../create/plan.js';
import { isRunning, type Config, type InstanceRow } from '../instance.js';
import { emit, withVolatileKeys, type TaskParts } from '../task-parts.js';
import type { Changed } from './plan.js';

export interface UpdateInput extends InstanceKey {
  changed: Changed;
  /** Size of the root volume before and after, as text. */
  oldSize: string;
  newSize: string;
}

interface UpdateState {
  volatile: Config;
}

/** Brings a change to the volume and, live, to the running instance; the row follows when all of it holds. */
export function updateInstance(parts: TaskParts): TaskDefinition<UpdateInput, UpdateState> {
  type Context = StepContext<UpdateInput, UpdateState>;
  const rowOf = ({ input }: Context): Promise<InstanceRow> => parts.instances.get(input.project, input.name);
  return defineTask<UpdateInput, UpdateState>({
    kind: 'instance.update',
    initial: () => ({ volatile: {} }),
    steps: [
      {
        name: 'size of the root volume',
        applies: ({ input }) => input.oldSize !== input.newSize,
        run: async (context) => resize(parts, context.call, await rowOf(context), context.input.newSize),
        undo: async (context) => resize(parts, context.call, await rowOf(context), context.input.oldSize),
      },
      {
        name: 'change on the running instance',
        applies: async (context) => isRunning(await rowOf(context)),
        async run(context) {
          const row = await rowOf(context);
          context.state.volatile = await apply(parts, context.call, { ...row, ...context.input.changed });
        },
        undo: async (context) => void (await apply(parts, context.call, await rowOf(context))),
      },
    ],
    async conclude(unit, { call, input, state }) {
      const row = await parts.instances.lock(unit, input.project, input.name);
      await parts.instances.finish(unit, withVolatileKeys({ ...row, ...input.changed }, state.volatile));
      emit(unit, call, 'instance-updated', row);
    },
    async abandon(unit, { id, input }) {
      const row = await parts.instances.lock(unit, input.project, input.name);
      await parts.instances.release(unit, row.id, id);
    },
  });
}

async function apply(parts: TaskParts, call: CallContext, row: InstanceRow): Promise<Config> {
  const changes = await parts.agentOf(row).update(call, { spec: await parts.surroundings.spec(call, row) });
  return changes.config;
}

async function resize(parts: TaskParts, call: CallContext, row: InstanceRow, size: string): Promise<void> {
  await parts.volumes.resize(call, { volume: parts.volumeOf(row), member: row.member, config: {}, size, snapshots: [], source: undefined });
}

/** The input of an update: what changes, and the root volume's sizes around it. */
export function updateInput(row: InstanceRow, changed: Changed): UpdateInput {
  return { project: row.project, name: row.name, changed, oldSize: rootSize(row.expanded_devices), newSize: rootSize(changed.expanded_devices) };
}
