import type { storage } from '@asterism/proto';
import { defineTask, type StepContext, type TaskDefinition } from '@asterism/tasks';
import type { InstanceKey } from '../admission.js';
import type { Config, InstanceRow } from '../instance.js';
import { emit, emitSnapshot, withVolatileKeys, type TaskParts } from '../task-parts.js';
import { rootSize } from './plan.js';

/** Where the root volume's content comes from; neither: it stays empty. */
export interface VolumeSource {
  image?: string;
  copyFrom?: storage.VolumeRef;
  /** Snapshots of copyFrom that come along, oldest first. */
  snapshots: string[];
}

export interface CreateInput extends InstanceKey {
  source: VolumeSource;
  trigger: 'create' | 'copy';
}

interface Made {
  volumePath: string;
  volatile: Config;
}

/** Makes the volume and what the agent keeps of an accepted instance; its row stands already and goes again when this fails. */
export function createInstance(parts: TaskParts): TaskDefinition<CreateInput, Made> {
  type Context = StepContext<CreateInput, Made>;
  const rowOf = ({ input }: Context): Promise<InstanceRow> => parts.instances.get(input.project, input.name);
  return defineTask<CreateInput, Made>({
    kind: 'instance.create',
    initial: () => ({ volumePath: '', volatile: {} }),
    steps: [
      {
        name: 'root volume and its place on the member',
        async run(context) {
          const row = await rowOf(context);
          const { path } = await parts.volumes.create(context.call, volumeRequest(parts, row, context.input.source));
          context.state.volumePath = path;
          const spec = await parts.surroundings.spec(context.call, { ...row, volume_path: path });
          context.state.volatile = (await parts.agentOf(row).create(context.call, { spec, trigger: context.input.trigger })).config;
        },
        async undo(context) {
          const row = await rowOf(context);
          await parts.agentOf(row).delete(context.call, parts.surroundings.bareSpec(row));
          await removeVolume(parts, context, row);
        },
      },
    ],
    async conclude(unit, { call, input, state }) {
      const row = await parts.instances.lock(unit, input.project, input.name);
      await parts.instances.finish(unit, { ...withVolatileKeys(row, state.volatile), volume_path: state.volumePath });
      emit(unit, call, 'instance-created', row, { 'storage-pool': row.pool, type: row.type });
      if (input.source.snapshots.length === 0) return;
      await parts.snapshots.setReadyOf(unit, row.id);
      for (const snapshot of input.source.snapshots) emitSnapshot(unit, call, 'instance-snapshot-created', row, snapshot);
    },
    async abandon(unit, { input }) {
      const row = await parts.instances.lock(unit, input.project, input.name);
      await parts.instances.delete(unit, row.id);
    },
  });

  async function removeVolume(parts: TaskParts, context: Context, row: InstanceRow): Promise<void> {
    for (const snapshot of [...context.input.source.snapshots].reverse()) await parts.volumes.delete(context.call, parts.volumeOf(row, snapshot));
    await parts.volumes.delete(context.call, parts.volumeOf(row));
  }
}

function volumeRequest(parts: TaskParts, row: InstanceRow, source: VolumeSource): storage.CreateInstanceVolume {
  return {
    volume: parts.volumeOf(row),
    member: row.member,
    config: {},
    size: rootSize(row.expanded_devices),
    snapshots: source.snapshots,
    source: originOf(source),
  };
}


function originOf(source: VolumeSource): storage.CreateInstanceVolume['source'] {
  if (source.image) return { $case: 'image_fingerprint', value: source.image };
  return source.copyFrom ? { $case: 'copy_from', value: source.copyFrom } : { $case: 'empty', value: {} };
}
