import { Inject, Injectable } from '@nestjs/common';
import { Agents } from '@asterism/agents';
import { takeBackup, type TakenBackup } from '@asterism/backups';
import { isUniqueViolation, type Unit } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import type { backups, common } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { defineTask, Tasks, type StepContext } from '@asterism/tasks';
import type { NewVolume } from '../volumes/volume-changes.js';
import { volumeEvent } from '../volumes/volume-events.js';
import { agentVolume, contentTypeOf, requireSnapshotName, requireVolumeConfig, requireVolumeName } from '../volumes/volume-rules.js';
import { VolumeScope } from '../volumes/volume-scope.js';
import { importedVolume, type ImportedSnapshot } from './imported-volume.js';

interface ImportInput {
  archive: { id: string; member: string };
  target: NewVolume;
  snapshots: ImportedSnapshot[];
  idmaps: Record<string, string>;
}

type Context = StepContext<ImportInput, object>;

/** Custom volumes of archives; what an archive says of them passes the checks of a new volume. */
@Injectable()
export class ImportVolume {
  constructor(
    @Inject(Tasks) private readonly tasks: Tasks,
    @Inject(VolumeScope) private readonly scope: VolumeScope,
    @Inject(Agents) private readonly agents: Agents,
  ) {
    tasks.register(this.#task);
  }

  async import(call: CallContext, frames: AsyncIterable<backups.BackupUpload>): Promise<common.OperationAnswer> {
    const taken = await takeBackup(call, this.agents, frames);
    try {
      const input = await this.#plan(call, taken);
      const operation = { description: 'Restoring custom volume backup', project: input.target.project, resources: { storage_volumes: [`/1.0/storage_volumes/${input.target.name}`] } };
      return await this.tasks.open(call, this.#task, { input, operation }, async (unit) => {
        await this.scope.volumes.insert(unit, { ...input.target, ready: false, maker: '' });
      });
    } catch (error) {
      await this.agents.on(taken.member).backups.delete(call, { id: taken.id });
      throw isUniqueViolation(error) ? new LxdError('conflict', 'Volume by that name already exists') : error;
    }
  }

  /** Everything that may be refused. */
  async #plan(call: CallContext, { header, id, member, index }: TakenBackup): Promise<ImportInput> {
    const imported = importedVolume(index);
    const name = header.name || imported.name;
    requireVolumeName(name);
    const { pool, project, volume } = await this.scope.look(call, { project: header.project, pool: header.pool, type: 'custom', name });
    if (volume) throw new LxdError('conflict', 'Volume by that name already exists');
    if (imported.optimized && imported.backend !== pool.driver) {
      throw new LxdError('bad-request', `Optimized backup storage driver ${JSON.stringify(imported.backend)} differs from the target storage pool driver ${JSON.stringify(pool.driver)}`);
    }
    const target = { pool_id: pool.id, member, project, type: 'custom', name, description: imported.description, content_type: contentTypeOf(imported.contentType), config: imported.config };
    requireVolumeConfig(target);
    for (const snapshot of imported.snapshots) {
      requireSnapshotName(snapshot.name);
      requireVolumeConfig({ ...target, config: snapshot.config });
    }
    return { archive: { id, member }, target, snapshots: imported.snapshots, idmaps: imported.idmaps };
  }

  readonly #task = defineTask<ImportInput, object>({
    kind: 'volume.import',
    steps: [
      { name: 'archive it is made of', run: async () => undefined, undo: (context) => this.#forgetArchive(context) },
      { name: 'volume on the member', run: (context) => this.#unpack(context), undo: (context) => this.#remove(context) },
      { name: 'archive is owed no more', run: (context) => this.#forgetArchive(context) },
    ],
    conclude: (unit, context) => this.#conclude(unit, context),
    abandon: async (unit, { input }) => {
      const row = await this.scope.volumes.find(input.target);
      if (row && !row.ready) await this.scope.volumes.delete(unit, row.id);
    },
  });

  async #forgetArchive({ call, input }: Context): Promise<void> {
    await this.agents.on(input.archive.member).backups.delete(call, { id: input.archive.id });
  }

  async #unpack({ call, input }: Context): Promise<void> {
    await this.scope.requireStaying(call, input.target.project);
    const backup = { id: input.archive.id, snapshots: input.snapshots.map(({ name }) => name), idmaps: input.idmaps };
    await this.agents.on(input.target.member).storage.createVolume(call, { volume: await this.#onMember(input.target), source: { $case: 'backup', value: backup } });
  }

  async #remove({ call, input }: Context): Promise<void> {
    await this.agents.on(input.target.member).storage.deleteVolume(call, await this.#onMember(input.target));
  }

  async #conclude(unit: Unit, { call, input }: Context): Promise<void> {
    const row = await this.scope.volumes.find(input.target);
    if (!row) throw new LxdError('not-found', 'Storage pool volume not found');
    await this.scope.volumes.markReady(unit, row.id);
    for (const { name, description, config, expiresAtMs } of input.snapshots) {
      await this.scope.snapshots.insert(unit, { volume_id: row.id, name, description, config, expires_at: expiresAtMs > 0 ? new Date(expiresAtMs) : null, ready: true });
    }
    unit.emit(volumeEvent(call, 'storage-volume-created', row, { type: row.type }));
  }

  async #onMember(volume: NewVolume): Promise<ReturnType<typeof agentVolume>> {
    return agentVolume(await this.scope.pools.byId(volume.pool_id), volume);
  }
}
