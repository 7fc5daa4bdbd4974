import { Inject, Injectable } from '@nestjs/common';
import { Agents } from '@asterism/agents';
import { LxdError } from '@asterism/errors';
import type { agentStorage, common } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { defineTask, Tasks, type OperationSpec } from '@asterism/tasks';
import { volumeEvent } from './volume-events.js';
import { agentVolume } from './volume-rules.js';
import { missingVolume, VolumeScope, type Found } from './volume-scope.js';
import type { VolumeRow } from './volume.store.js';

interface SnapshotInput {
  volume: VolumeRow;
  agentVolume: agentStorage.Volume;
  snapshot: string;
  /** When renaming. */
  newName: string;
}

/** Snapshots of custom volumes, made, renamed and deleted as operations. */
@Injectable()
export class SnapshotTasks {
  constructor(
    @Inject(Tasks) private readonly tasks: Tasks,
    @Inject(VolumeScope) private readonly scope: VolumeScope,
    @Inject(Agents) private readonly agents: Agents,
  ) {
    for (const definition of [this.#creation, this.#renaming, this.#deletion]) tasks.register(definition);
  }

  create(call: CallContext, { pool, volume }: Found, snapshot: { name: string; expires_at: Date | null }): Promise<common.OperationAnswer> {
    const input = { volume, agentVolume: agentVolume(pool, volume), snapshot: snapshot.name, newName: '' };
    const operation = operationOn(volume, 'Creating storage volume snapshot', 'storage_volumes');
    return this.tasks.open(call, this.#creation, { input, operation }, (unit) =>
      this.scope.snapshots.insert(unit, { volume_id: volume.id, ...snapshot, description: volume.description, config: volume.config, ready: false }),
    );
  }

  /** Removes one without anybody having asked. */
  async expire(call: CallContext, { pool, volume }: Found, snapshot: string): Promise<void> {
    await this.tasks.perform(call, this.#deletion, { volume, agentVolume: agentVolume(pool, volume), snapshot, newName: '' });
  }

  rename(call: CallContext, { pool, volume }: Found, snapshot: string, newName: string): Promise<common.OperationAnswer> {
    const input = { volume, agentVolume: agentVolume(pool, volume), snapshot, newName };
    return this.tasks.open(call, this.#renaming, { input, operation: operationOn(volume, 'Renaming storage volume snapshot', 'storage_volume_snapshots') });
  }

  delete(call: CallContext, { pool, volume }: Found, snapshot: string): Promise<common.OperationAnswer> {
    const input = { volume, agentVolume: agentVolume(pool, volume), snapshot, newName: '' };
    return this.tasks.open(call, this.#deletion, { input, operation: operationOn(volume, 'Deleting storage volume snapshot', 'storage_volume_snapshots') });
  }

  readonly #creation = defineTask<SnapshotInput>({
    kind: 'volume-snapshot.create',
    steps: [
      {
        name: 'snapshot on the member',
        run: async ({ call, input }) => void (await this.#agent(input).snapshotVolume(call, onMember(input))),
        undo: async ({ call, input }) => void (await this.#agent(input).deleteSnapshot(call, onMember(input))),
      },
    ],
    conclude: async (unit, { call, input }) => {
      await this.scope.snapshots.markReady(unit, input.volume.id, input.snapshot);
      unit.emit(volumeEvent(call, 'storage-volume-snapshot-created', named(input, input.snapshot), { type: input.volume.type }));
    },
    abandon: (unit, { input }) => this.scope.snapshots.delete(unit, input.volume.id, input.snapshot),
  });

  readonly #renaming = defineTask<SnapshotInput>({
    kind: 'volume-snapshot.rename',
    steps: [
      {
        name: 'refuse what is not there or taken',
        run: async ({ input }) => {
          if (!(await this.scope.snapshots.find(input.volume.id, input.snapshot))) throw missingVolume(named(input, input.snapshot));
          const taken = await this.scope.snapshots.names(input.volume.id);
          if (taken.includes(input.newName)) throw new LxdError('conflict', `Snapshot ${JSON.stringify(input.newName)} already in use`);
        },
      },
      {
        name: 'rename on the member',
        run: async ({ call, input }) => void (await this.#agent(input).renameSnapshot(call, { snapshot: onMember(input), new_name: input.newName })),
      },
    ],
    conclude: async (unit, { call, input }) => {
      await this.scope.snapshots.rename(unit, input.volume.id, input.snapshot, input.newName);
      unit.emit(volumeEvent(call, 'storage-volume-snapshot-renamed', named(input, input.newName), { old_name: input.snapshot }));
    },
  });

  readonly #deletion = defineTask<SnapshotInput>({
    kind: 'volume-snapshot.delete',
    steps: [{ name: 'delete on the member', run: async ({ call, input }) => void (await this.#agent(input).deleteSnapshot(call, onMember(input))) }],
    conclude: async (unit, { call, input }) => {
      await this.scope.snapshots.delete(unit, input.volume.id, input.snapshot);
      unit.emit(volumeEvent(call, 'storage-volume-snapshot-deleted', named(input, input.snapshot)));
    },
  });

  #agent(input: SnapshotInput): ReturnType<Agents['on']>['storage'] {
    return this.agents.on(input.volume.member).storage;
  }
}

function onMember(input: SnapshotInput): agentStorage.VolumeSnapshot {
  return { volume: input.agentVolume, snapshot: input.snapshot };
}

function named(input: SnapshotInput, snapshot: string): VolumeRow {
  return { ...input.volume, name: `${input.volume.name}/${snapshot}` };
}

/** LXD names these resources by path segments that no route serves; clients print them. */
function operationOn(volume: VolumeRow, description: string, kind: 'storage_volumes' | 'storage_volume_snapshots'): OperationSpec {
  return { description, project: volume.project, resources: { [kind]: [`/1.0/${kind}/${volume.name}`] }, location: volume.member };
}
