import { instanceKeys, keyFor } from '@asterism/config-keys';
import { defineTask, type StepContext, type TaskDefinition } from '@asterism/tasks';
import type { InstanceKey } from '../admission.js';
import type { Config, InstanceRow, SnapshotRow } from '../instance.js';
import type { Changed, Wish } from '../update/plan.js';
import { withVolatile } from '../volatile.js';
import { emit, powered, withVolatileKeys, type TaskParts } from '../task-parts.js';

export interface RestoreInput extends InstanceKey {
  snapshot: string;
  /** What the row becomes. */
  changed: Changed;
  /** Whether it ran when the restore was accepted; it runs again afterwards. */
  wasRunning: boolean;
}

interface RestoreState {
  stopped: boolean;
  volatile: Config;
}

/** Puts volume, config and devices back to a snapshot's. */
export function restoreInstance(parts: TaskParts): TaskDefinition<RestoreInput, RestoreState> {
  type Context = StepContext<RestoreInput, RestoreState>;
  const rowOf = ({ input }: Context): Promise<InstanceRow> => parts.instances.get(input.project, input.name);
  return defineTask<RestoreInput, RestoreState>({
    kind: 'instance.restore',
    initial: () => ({ stopped: false, volatile: {} }),
    steps: [
      {
        name: 'stop',
        applies: ({ input }) => input.wasRunning,
        run: async (context) => {
          const row = await rowOf(context);
          await parts.agentOf(row).stop(context.call, { id: row.id, force: true, timeout_s: 0 });
          context.state.stopped = true;
        },
      },
      {
        name: 'volume',
        run: async (context) => void (await parts.volumes.restore(context.call, { volume: parts.volumeOf(await rowOf(context)), snapshot: context.input.snapshot })),
      },
      {
        name: 'start again',
        applies: ({ input }) => input.wasRunning,
        run: async (context) => {
          context.state.volatile = await parts.start(context, { ...(await rowOf(context)), ...context.input.changed });
        },
      },
    ],
    async conclude(unit, context) {
      const { call, input, state } = context;
      const row = await parts.instances.lock(unit, input.project, input.name);
      const after = { ...row, ...input.changed };
      const finished = input.wasRunning ? powered(after, 'Running', state.volatile) : withVolatileKeys(after, state.volatile);
      await parts.instances.finish(unit, finished);
      emit(unit, call, 'instance-restored', row, { snapshot: `${row.name}/${input.snapshot}` });
      if (input.wasRunning) emit(unit, call, 'instance-started', row);
    },
    async abandon(unit, { id, input, state }) {
      const row = await parts.instances.lock(unit, input.project, input.name);
      if (state.stopped) await parts.instances.finish(unit, powered(row, 'Stopped', {}));
      else await parts.instances.release(unit, row.id, id);
    },
  });
}

/** What is wished of an instance that goes back to a snapshot; facts of the snapshot's runtime do not come back. */
export function restoredWish(row: InstanceRow, snapshot: SnapshotRow): Wish {
  const power = instanceKeys.volatileLastStatePower.name;
  const runtime: Config = { [power]: row.config[power] ?? '' };
  const { volatileIdmapBase, volatileIdmapNext, volatileIdmapCurrent, volatileLastStateIdmap } = instanceKeys;
  for (const { name } of [volatileIdmapBase, volatileIdmapNext, volatileIdmapCurrent, volatileLastStateIdmap]) {
    if (snapshot.config[name] === undefined) runtime[name] = row.config[name] ?? ''; // an imported snapshot has none
  }
  for (const device of Object.keys(snapshot.expanded_devices)) {
    const key = keyFor(instanceKeys.volatileDeviceHostName, device);
    runtime[key] = row.config[key] ?? '';
  }
  return {
    architecture: snapshot.architecture,
    description: snapshot.description,
    ephemeral: snapshot.ephemeral,
    config: withVolatile(snapshot.config, runtime),
    devices: snapshot.devices,
    profiles: snapshot.profiles,
  };
}
