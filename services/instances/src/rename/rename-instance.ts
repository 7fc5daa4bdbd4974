import { randomUUID } from 'node:crypto';
import { instanceKeys } from '@asterism/config-keys';
import { defineTask, type StepContext, type TaskDefinition } from '@asterism/tasks';
import type { InstanceKey } from '../admission.js';
import { isRunning, type InstanceRow } from '../instance.js';
import { Refused } from '../refusal.js';
import { emit, withVolatileKeys, type TaskParts } from '../task-parts.js';

export interface RenameInput extends InstanceKey {
  newName: string;
}

export function requireRenamable(row: InstanceRow): void {
  if (isRunning(row)) throw new Refused(row.type === 'container' ? 'Renaming of running container not allowed' : 'Renaming of running instance not allowed');
}

/** Renames volume, what the agent keeps, and the row; every step can be repeated and taken back. */
export function renameInstance(parts: TaskParts): TaskDefinition<RenameInput, { volumePath: string }> {
  type Context = StepContext<RenameInput, { volumePath: string }>;
  const rowOf = ({ input }: Context): Promise<InstanceRow> => parts.instances.get(input.project, input.name);
  return defineTask<RenameInput, { volumePath: string }>({
    kind: 'instance.rename',
    initial: () => ({ volumePath: '' }),
    steps: [
      {
        name: 'volume',
        run: async (context) => {
          const row = await rowOf(context);
          await parts.volumes.rename(context.call, { volume: parts.volumeOf(row), new_name: context.input.newName });
          const renamed = { ...row, name: context.input.newName };
          context.state.volumePath = (await parts.volumes.locate(context.call, parts.volumeOf(renamed))).path;
        },
        // What the agent keeps lies with the volume, so that its old name comes back after the volume's.
        undo: async (context) => {
          const row = await rowOf(context);
          await parts.volumes.rename(context.call, { volume: parts.volumeOf({ ...row, name: context.input.newName }), new_name: row.name });
          await parts.agentOf(row).rename(context.call, { spec: await parts.surroundings.spec(context.call, row), old_name: context.input.newName });
        },
      },
      {
        name: 'what the agent keeps',
        run: async (context) => {
          const row = await rowOf(context);
          const spec = await parts.surroundings.spec(context.call, { ...row, name: context.input.newName, volume_path: context.state.volumePath });
          await parts.agentOf(row).rename(context.call, { spec, old_name: row.name });
        },
      },
    ],
    async conclude(unit, { call, input, state }) {
      const row = await parts.instances.lock(unit, input.project, input.name);
      const identity = { [instanceKeys.volatileApplyTemplate.name]: 'rename', [instanceKeys.volatileCloudInitInstanceId.name]: randomUUID() };
      const renamed = { ...withVolatileKeys(row, identity), name: input.newName, volume_path: state.volumePath };
      await parts.instances.finish(unit, renamed);
      await parts.instances.keepName(unit, row.id, renamed.name);
      emit(unit, call, 'instance-renamed', renamed, { old_name: row.name });
    },
    async abandon(unit, { id, input }) {
      const row = await parts.instances.lock(unit, input.project, input.name);
      await parts.instances.keepName(unit, row.id, row.name);
      await parts.instances.release(unit, row.id, id);
    },
  });
}
