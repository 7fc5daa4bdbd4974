import { Agents } from '@asterism/agents';
import { instanceKeys } from '@asterism/config-keys';
import type { Unit } from '@asterism/database';
import { apiUrl } from '@asterism/api';
import { lifecycle, type AsterismEvent } from '@asterism/events';
import { LxdError } from '@asterism/errors';
import { Token, type Agent, type InstanceVolumes, type agentInstances, type storage } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import type { StepContext } from '@asterism/tasks';
import { Inject, Injectable } from '@nestjs/common';
import { type Config, type InstanceRow, type Status } from './instance.js';
import { InstanceStore } from './instance.store.js';
import { SnapshotStore } from './snapshots/snapshot.store.js';
import { Surroundings } from './surroundings.js';
import { withVolatile } from './volatile.js';

/** The reference's word for shifting files. */
const remapping = 'Remapping container filesystem';

/** What a start needs of the task that it is part of. */
export type StartContext = Pick<StepContext<unknown, unknown>, 'call' | 'progress' | 'transact'>;

/** What the steps of every task work with. */
@Injectable()
export class TaskParts {
  constructor(
    @Inject(InstanceStore) readonly instances: InstanceStore,
    @Inject(SnapshotStore) readonly snapshots: SnapshotStore,
    @Inject(Surroundings) readonly surroundings: Surroundings,
    @Inject(Agents) private readonly agents: Agents,
    @Inject(Token.InstanceVolumes) readonly volumes: InstanceVolumes,
  ) {}

  agentOf(row: Pick<InstanceRow, 'member'>): Agent['instances'] {
    return this.agents.on(row.member).instances;
  }

  /** The instance's volume, or one of its snapshots. */
  volumeOf(row: Pick<InstanceRow, 'project' | 'pool' | 'type' | 'name' | 'member'>, snapshot = ''): storage.VolumeRef {
    return { project: row.project, pool: row.pool, type: row.type, name: snapshot === '' ? row.name : `${row.name}/${snapshot}`, member: row.member };
  }

  /** Removes the file of a backup, or of a received archive, from its member. */
  async forgetArchive(call: CallContext, archive: { id: string; member: string }): Promise<void> {
    await this.agents.on(archive.member).backups.delete(call, { id: archive.id });
  }

  /** Starts the instance on its member, once the owners of its files are what that needs; answers the volatile keys that changed. */
  async start(context: StartContext, row: InstanceRow): Promise<Config> {
    const { call } = context;
    const agent = this.agentOf(row);
    const spec = await this.surroundings.spec(call, row);
    const first = await agent.start(call, spec);
    if (!first.owners_owed) return first.config;
    const mapped = await this.#mapOwners(context, agent, spec);
    const again = await agent.start(call, { ...spec, config: { ...spec.config, ...mapped } });
    if (again.owners_owed) throw new LxdError('internal', 'Failed to handle idmapped storage: the ids of the container changed meanwhile');
    return { ...mapped, ...again.config };
  }

  /** The row says how the files lie whatever becomes of the start. */
  async #mapOwners({ call, progress, transact }: StartContext, agent: Agent['instances'], spec: agentInstances.InstanceSpec): Promise<Config> {
    progress({ container_progress: remapping });
    let config: Config = {};
    for await (const news of agent.mapOwners(call, spec)) {
      if (news.files > 0) progress({ container_progress: `${remapping}: ${Math.floor((news.files_done * 100) / news.files)}%` });
      else config = news.config;
    }
    await transact(async (unit) => this.instances.write(unit, withVolatileKeys(await this.instances.lockById(unit, spec.id), config)));
    progress({ container_progress: '' });
    return config;
  }
}

/** What a power change leaves in the row. */
export function powered(row: InstanceRow, status: Status, volatile: Config): InstanceRow {
  const changes = { [instanceKeys.volatileLastStatePower.name]: status === 'Stopped' ? 'STOPPED' : 'RUNNING', ...volatile };
  return { ...withVolatileKeys(row, changes), status };
}

export function withVolatileKeys(row: InstanceRow, changes: Config): InstanceRow {
  return { ...row, config: withVolatile(row.config, changes), expanded_config: withVolatile(row.expanded_config, changes) };
}

/** Says on /1.0/events what happened to an instance. */
export function emit(unit: Unit, call: CallContext, action: string, row: Pick<InstanceRow, 'project' | 'name' | 'member'>, context?: Record<string, unknown>): void {
  unit.emit(lifecycleOf(call, action, row, context));
}

export function lifecycleOf(call: CallContext, action: string, row: Pick<InstanceRow, 'project' | 'name' | 'member'>, context?: Record<string, unknown>): AsterismEvent {
  return lifecycle({ action, source: apiUrl(['instances', row.name], { project: row.project }), project: row.project, location: row.member, requestor: call.requestor, context });
}

export function emitSnapshot(unit: Unit, call: CallContext, action: string, row: Pick<InstanceRow, 'project' | 'name' | 'member'>, snapshot: string, context?: Record<string, unknown>): void {
  unit.emit(lifecycle({ action, source: apiUrl(['instances', row.name, 'snapshots', snapshot], { project: row.project }), project: row.project, location: row.member, requestor: call.requestor, context }));
}
