import { deviceOption, nicBridgedKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { agentInstances, storage } from '@asterism/proto';
import { defineTask, type StepContext, type TaskDefinition } from '@asterism/tasks';
import type { InstanceKey } from '../admission.js';
import { statusCodes, type Config, type InstanceRow } from '../instance.js';
import type { NewInstance } from '../instance.store.js';
import { emit, emitSnapshot, withVolatileKeys, type TaskParts } from '../task-parts.js';
import { rootSize } from './plan.js';

/** Where the root volume's content comes from; nothing given: it stays empty. */
export interface VolumeSource {
  image?: string;
  copyFrom?: storage.VolumeRef;
  /** A received archive on its member, and what the ids of its files were shifted by, by snapshot ("" for the instance). */
  backup?: { id: string; member: string; idmaps: Record<string, string> };
  /** Snapshots of copyFrom that come along, oldest first. */
  snapshots: string[];
}

export interface CreateInput extends InstanceKey {
  /** As accepted; nothing else changes it until the task ends. */
  row: NewInstance;
  source: VolumeSource;
  trigger: 'create' | 'copy' | 'import';
}

interface Made {
  volumePath: string;
  volatile: Config;
}

/** Makes the volume and what the agent keeps of an accepted instance; its row stands already and goes again when this fails. */
export function createInstance(parts: TaskParts): TaskDefinition<CreateInput, Made> {
  type Context = StepContext<CreateInput, Made>;
  const rowOf = ({ input }: Context): InstanceRow => newRow(input.row);
  const forgetArchive = async ({ call, input }: Context): Promise<void> => {
    if (input.source.backup) await parts.forgetArchive(call, input.source.backup);
  };
  return defineTask<CreateInput, Made>({
    kind: 'instance.create',
    initial: () => ({ volumePath: '', volatile: {} }),
    steps: [
      { name: 'archive it is made of', applies: ({ input }) => input.source.backup !== undefined, run: async () => undefined, undo: forgetArchive },
      {
        name: 'root volume and its place on the member',
        async run(context) {
          const row = rowOf(context);
          const asked = parts.surroundings.spec(context.call, row);
          const owners = parts.surroundings.requireOwners(context.call, row);
          owners.catch(() => undefined);
          asked.catch(() => undefined); // thrown below: nothing is undone while the volume is being made
          const { path } = await parts.volumes.create(context.call, volumeRequest(parts, row, context.input.source));
          context.state.volumePath = path;
          const spec = { ...(await asked), volume_path: path };
          context.state.volatile = (await parts.agentOf(row).create(context.call, { spec, trigger: context.input.trigger === 'import' ? '' : context.input.trigger })).config;
          await owners;
          requireNetworks(spec);
        },
        async undo(context) {
          const row = rowOf(context);
          await parts.agentOf(row).delete(context.call, parts.surroundings.bareSpec(row));
          await removeVolume(parts, context, row);
        },
      },
      { name: 'archive is owed no more', applies: ({ input }) => input.source.backup !== undefined, run: forgetArchive },
    ],
    async conclude(unit, { call, input, state }) {
      const row = newRow(input.row);
      parts.instances.finishCreation(unit, { ...withVolatileKeys(row, state.volatile), volume_path: state.volumePath });
      emit(unit, call, 'instance-created', row, { 'storage-pool': row.pool, type: row.type });
      if (input.source.snapshots.length === 0) return;
      await parts.snapshots.setReadyOf(unit, row.id);
      for (const snapshot of input.source.snapshots) emitSnapshot(unit, call, 'instance-snapshot-created', row, snapshot);
    },
    abandon: (unit, { input }) => parts.instances.delete(unit, input.row.id),
  });

  async function removeVolume(parts: TaskParts, context: Context, row: InstanceRow): Promise<void> {
    for (const snapshot of [...context.input.source.snapshots].reverse()) await parts.volumes.delete(context.call, parts.volumeOf(row, snapshot));
    await parts.volumes.delete(context.call, parts.volumeOf(row));
  }
}

/** A row as it stands right after its insertion. */
function newRow(row: NewInstance): InstanceRow {
  return { ...row, stateful: false, status: 'Stopped', status_code: statusCodes.Stopped, volume_path: '', created_at: new Date(), last_used_at: null };
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


/** One that was deleted meanwhile is missing now: whoever deletes it looks for users after it has marked it. */
function requireNetworks({ devices }: agentInstances.InstanceSpec): void {
  for (const { options, network } of Object.values(devices)) {
    if (options[deviceOption.type] === 'nic' && options[nicBridgedKeys.network.name] && !network) throw new LxdError('not-found', 'Failed loading network: Network not found');
  }
}

function originOf(source: VolumeSource): storage.CreateInstanceVolume['source'] {
  if (source.backup) return { $case: 'backup', value: { id: source.backup.id, snapshots: source.snapshots, idmaps: source.backup.idmaps } };
  if (source.image) return { $case: 'image_fingerprint', value: source.image };
  return source.copyFrom ? { $case: 'copy_from', value: source.copyFrom } : { $case: 'empty', value: {} };
}
