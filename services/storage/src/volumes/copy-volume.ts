import { Inject, Injectable } from '@nestjs/common';
import { Agents } from '@asterism/agents';
import { withPoolDefaults } from '@asterism/config-keys';
import { isUniqueViolation, type Unit } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import type { common, storage } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { defineTask, Tasks, type StepContext } from '@asterism/tasks';
import type { PoolRow } from '../pools/pool.store.js';
import type { SnapshotRow } from './snapshot.store.js';
import { Transfer } from './transfer.js';
import type { NewVolume } from './volume-changes.js';
import { volumeEvent } from './volume-events.js';
import { agentVolume } from './volume-rules.js';
import { VolumeFollowers } from './volume-followers.js';
import { missingVolume, VolumeScope, type Found } from './volume-scope.js';
import type { VolumeRow } from './volume.store.js';

interface CopyInput {
  target: NewVolume;
  source: storage.VolumeRef;
  withSnapshots: boolean;
  /** The source goes when the copy is complete. */
  moves: boolean;
}

interface CopyState {
  source?: VolumeRow;
  snapshots?: SnapshotRow[];
  /** The source's config, what the request says instead, and the pool's defaults. */
  config?: Record<string, string>;
  /** From here on the target is the one that stays. */
  complete?: boolean;
}

type Context = StepContext<CopyInput, CopyState>;

/** Custom volumes copied within or between pools and members; moving is copying and deleting. */
@Injectable()
export class CopyVolume {
  constructor(
    @Inject(Tasks) private readonly tasks: Tasks,
    @Inject(VolumeScope) private readonly scope: VolumeScope,
    @Inject(Agents) private readonly agents: Agents,
    @Inject(VolumeFollowers) private readonly followers: VolumeFollowers,
    @Inject(Transfer) private readonly transfer: Transfer,
  ) {
    tasks.register(this.#task);
  }

  copy(call: CallContext, { source, withSnapshots, ...target }: NewVolume & { source: storage.VolumeRef; withSnapshots: boolean }): Promise<common.OperationAnswer> {
    return this.#open(call, { target, source, withSnapshots, moves: false }, 'Copying storage volume');
  }

  move(call: CallContext, { volume }: Found, pool: PoolRow, to: { project: string; name: string }): Promise<common.OperationAnswer> {
    const target = { ...volume, ...to, pool_id: pool.id };
    const source = { project: volume.project, pool: volume.pool, type: volume.type, name: volume.name };
    return this.#open(call, { target, source, withSnapshots: true, moves: true }, 'Moving storage volume');
  }

  async #open(call: CallContext, input: CopyInput, description: string): Promise<common.OperationAnswer> {
    const operation = { description, project: input.target.project, resources: {}, location: input.target.member };
    try {
      return await this.tasks.open(call, this.#task, { input, operation }, async (unit) => {
        await this.scope.volumes.insert(unit, { ...input.target, ready: false, maker: '' });
      });
    } catch (error) {
      if (isUniqueViolation(error)) throw new LxdError('conflict', 'Volume by that name already exists');
      throw error;
    }
  }

  readonly #task = defineTask<CopyInput, CopyState>({
    kind: 'volume.copy',
    steps: [
      { name: 'find the source', run: (context) => this.#findSource(context) },
      { name: 'copy on the member', run: (context) => this.#copy(context), undo: (context) => this.#uncopy(context) },
      { name: 'keep the copy', applies: ({ input }) => input.moves, run: async ({ state }) => void (state.complete = true) },
      { name: 'delete what was moved', applies: ({ input }) => input.moves, run: (context) => this.#deleteMoved(context) },
    ],
    conclude: (unit, context) => this.#conclude(unit, context),
    abandon: (unit, context) => this.#abandon(unit, context),
  });

  async #findSource({ call, input, state }: Context): Promise<void> {
    const { volume } = await this.scope.look(call, input.source);
    if (!volume?.ready) throw new LxdError('not-found', `Failed generating volume copy config: ${missingVolume(input.source).message}`);
    state.source = volume;
    state.snapshots = input.withSnapshots ? await this.scope.snapshots.ofVolume(volume.id) : [];
  }

  async #copy({ call, input, state }: Context): Promise<void> {
    const source = state.source!;
    await this.scope.requireStaying(call, input.target.project);
    const copy = { volume: agentVolume(await this.scope.pools.byId(source.pool_id), source), snapshot: '', with_snapshots: state.snapshots!.map((row) => row.name) };
    const pool = await this.scope.pools.byId(input.target.pool_id);
    state.config = withPoolDefaults({ ...source.config, ...input.target.config }, pool.config);
    const volume = await this.#onMember({ ...input.target, config: state.config! });
    if (source.member === input.target.member) return void (await this.agents.on(source.member).storage.createVolume(call, { volume, source: { $case: 'copy', value: copy } }));
    const found = { pool: await this.scope.pools.byId(source.pool_id), volume: source };
    await this.transfer.bring(call, found, { snapshot: '', snapshots: copy.with_snapshots }, { pool, volume: { ...input.target, config: state.config }, made: volume });
  }

  async #uncopy({ call, input, state }: Context): Promise<void> {
    if (!state.complete) await this.agents.on(input.target.member).storage.deleteVolume(call, await this.#onMember(input.target));
  }

  async #deleteMoved({ call, state }: Context): Promise<void> {
    await this.agents.on(state.source!.member).storage.deleteVolume(call, await this.#onMember(state.source!));
  }

  async #conclude(unit: Unit, context: Context): Promise<void> {
    const row = await this.#keep(unit, context);
    const { call, input, state } = context;
    if (!row || !input.moves) return;
    const source = state.source!;
    await this.scope.volumes.setMovedFrom(unit, row.id, `${source.pool}/${source.name}`);
    unit.afterCommit(() => void this.followers.tell(call).catch(() => undefined)); // told again when the member is ready
    await this.scope.volumes.delete(unit, source.id);
    for (const { name } of state.snapshots!) unit.emit(volumeEvent(call, 'storage-volume-snapshot-deleted', { ...source, name: `${source.name}/${name}` }));
    unit.emit(volumeEvent(call, 'storage-volume-deleted', source));
  }

  /** What could not be moved away has been copied: both stay. */
  async #abandon(unit: Unit, context: Context): Promise<void> {
    if (context.state.complete) return void (await this.#keep(unit, context));
    const row = await this.scope.volumes.find(context.input.target);
    if (row) await this.scope.volumes.delete(unit, row.id);
  }

  /** The rows of the copy; undefined where it is gone. */
  async #keep(unit: Unit, { call, input, state }: Context): Promise<VolumeRow | undefined> {
    const row = await this.scope.volumes.find(input.target);
    if (!row) return undefined;
    await this.scope.volumes.update(unit, { id: row.id, description: input.target.description || state.source!.description, config: state.config! });
    await this.scope.volumes.markReady(unit, row.id);
    for (const { name, description, config, expires_at } of state.snapshots!) {
      await this.scope.snapshots.insert(unit, { volume_id: row.id, name, description, config, expires_at, ready: true });
    }
    unit.emit(volumeEvent(call, 'storage-volume-created', row, { type: row.type }));
    return row;
  }

  async #onMember(volume: NewVolume): Promise<ReturnType<typeof agentVolume>> {
    return agentVolume(await this.scope.pools.byId(volume.pool_id), volume);
  }
}
