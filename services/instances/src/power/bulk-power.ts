import { defineTask, type TaskDefinition, type Tasks } from '@asterism/tasks';
import { LxdError, fromUnknown } from '@asterism/errors';
import { InstanceBusy, Refused } from '../refusal.js';
import type { TaskParts } from '../task-parts.js';
import { powerTaskOf, type PowerInput, type PowerTasks } from './power-tasks.js';
import { requireTransition, type PowerWish } from './transitions.js';

export interface BulkInput extends PowerWish {
  project: string;
  names: string[];
}

const atOnce = 8;

/** Changes the power of many instances; each is a change of its own, those already there are passed over. */
export function bulkPower(tasks: Tasks, parts: TaskParts, power: PowerTasks): TaskDefinition<BulkInput, object> {
  return defineTask<BulkInput, object>({
    kind: 'instances.power',
    steps: [
      {
        name: 'every instance',
        async run({ call, input }) {
          const left = [...input.names];
          const failures: string[] = [];
          const worker = async (): Promise<void> => {
            for (let name = left.shift(); name !== undefined; name = left.shift()) {
              const wish: PowerInput = { project: input.project, name, action: input.action, force: input.force, stateful: input.stateful, timeoutS: input.timeoutS };
              try {
                await tasks.perform(call, powerTaskOf(power, input.action), wish, async (unit, task) => {
                  const row = await parts.instances.lock(unit, wish.project, wish.name);
                  if (row.busy) throw new InstanceBusy(row.busy);
                  requireTransition(row, wish);
                  await parts.instances.setBusy(unit, row.id, wish.action, task);
                });
              } catch (error) {
                if (error instanceof Refused && !(error instanceof InstanceBusy)) continue;
                failures.push(`${name}: ${fromUnknown(error).message}`);
              }
            }
          };
          await Promise.all(Array.from({ length: atOnce }, worker));
          if (failures.length > 0) throw new LxdError('bad-request', failures.join('\n'));
        },
      },
    ],
  });
}
