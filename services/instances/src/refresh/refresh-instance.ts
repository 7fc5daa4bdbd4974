import { randomUUID } from 'node:crypto';
import { defineTask, type StepContext, type TaskDefinition } from '@asterism/tasks';
import type { InstanceKey } from '../admission.js';
import type { InstanceRow } from '../instance.js';
import { emitSnapshot, type TaskParts } from '../task-parts.js';
import { snapshotDifference } from './snapshot-difference.js';

export interface RefreshInput extends InstanceKey {
  source: InstanceKey & { snapshot: string };
  withSnapshots: boolean;
}

interface RefreshState {
  /** Snapshots of the target that go. */
  drop: { id: string; name: string }[];
  /** Names of the source's that come, oldest first. */
  bring: string[];
}

/** Brings a stopped copy up to date: its snapshots become the source's, its volume what the source's is now. Its config is its own. */
export function refreshInstance(parts: TaskParts): TaskDefinition<RefreshInput, RefreshState> {
  type Context = StepContext<RefreshInput, RefreshState>;
  const rowOf = ({ input }: Context): Promise<InstanceRow> => parts.instances.get(input.project, input.name);
  const sourceOf = ({ input }: Context): Promise<InstanceRow> => parts.instances.get(input.source.project, input.source.name);
  return defineTask<RefreshInput, RefreshState>({
    kind: 'instance.refresh',
    initial: () => ({ drop: [], bring: [] }),
    steps: [
      {
        name: 'compare the snapshots',
        applies: ({ input }) => input.withSnapshots,
        run: async (context) => {
          const [row, source] = await Promise.all([rowOf(context), sourceOf(context)]);
          const { drop, bring } = snapshotDifference(await parts.snapshots.of(row.id), await parts.snapshots.of(source.id));
          Object.assign(context.state, { drop: drop.map(({ id, name }) => ({ id, name })), bring: bring.map(({ name }) => name) });
        },
      },
      {
        name: "snapshots that are not the source's",
        applies: ({ state }) => state.drop.length > 0,
        run: async (context) => {
          const row = await rowOf(context);
          for (const { id, name } of context.state.drop) {
            await parts.volumes.delete(context.call, parts.volumeOf(row, name));
            await context.transact(async (unit) => {
              if (await parts.snapshots.delete(unit, id)) emitSnapshot(unit, context.call, 'instance-snapshot-deleted', row, name);
            });
          }
        },
      },
      {
        name: 'volume and new snapshots',
        run: async (context) => {
          const [row, source] = await Promise.all([rowOf(context), sourceOf(context)]);
          await parts.volumes.refresh(context.call, { volume: parts.volumeOf(row), source: parts.volumeOf(source, context.input.source.snapshot), snapshots: context.state.bring });
        },
        undo: async (context) => {
          const row = await rowOf(context);
          for (const name of context.state.bring) await parts.volumes.delete(context.call, parts.volumeOf(row, name));
        },
      },
    ],
    async conclude(unit, context) {
      const { id, call, input, state } = context;
      const row = await parts.instances.lock(unit, input.project, input.name);
      const brought = (await parts.snapshots.of((await sourceOf(context)).id)).filter(({ name }) => state.bring.includes(name));
      for (const snapshot of brought) {
        await parts.snapshots.insert(unit, { ...snapshot, id: randomUUID(), instance_id: row.id, ready: true });
        emitSnapshot(unit, call, 'instance-snapshot-created', row, snapshot.name);
      }
      await parts.instances.release(unit, row.id, id);
    },
    async abandon(unit, { id, input }) {
      const row = await parts.instances.lock(unit, input.project, input.name);
      await parts.instances.release(unit, row.id, id);
    },
  });
}
