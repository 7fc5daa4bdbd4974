import { setTimeout as sleep } from 'node:timers/promises';
import { Agents } from '@asterism/agents';
import { instanceKeys } from '@asterism/config-keys';
import { Database } from '@asterism/database';
import type { EventBus, EventOf } from '@asterism/events';
import type { agentInstances } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import { Admission } from '../admission.js';
import type { Busy, InstanceRow } from '../instance.js';
import { InstanceTasks } from '../instance-tasks.js';
import { Refused } from '../refusal.js';
import { emit, powered, TaskParts } from '../task-parts.js';
import { Autostarts } from './autostarts.js';
import { autostartOrder, statusCorrections } from './reconcile.js';

/** Changes that record the status themselves when they end. */
const changesPower: readonly Busy[] = ['create', 'start', 'stop', 'restart', 'freeze', 'unfreeze', 'restore', 'delete'];
const lookAgainMs = 250;
const lookAgainTimes = 3;

/** Keeps rows true to what agents see: instances that stop by themselves, and members that come up. */
@Injectable()
export class Members {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(TaskParts) private readonly parts: TaskParts,
    @Inject(Admission) private readonly admission: Admission,
    @Inject(InstanceTasks) private readonly definitions: InstanceTasks,
    @Inject(Agents) private readonly agents: Agents,
    @Inject(Autostarts) private readonly autostarts: Autostarts,
  ) {}

  async watch(bus: EventBus): Promise<void> {
    await bus.consume('instances.agent', ['agent.instance'], (event) => this.seen(event.payload));
    await bus.consume('instances.member-health', ['member.health'], ({ payload }) => this.memberHealth(payload));
    await bus.subscribe(['members.changed'], () => this.agents.refresh());
    await bus.consume('instances.members', ['agent.ready'], (event) => this.memberReady(event.payload.member));
  }

  /** An instance changed by itself. What a task of ours is doing to it is the task's to record. */
  private async seen(report: EventOf<'agent.instance'>['payload']): Promise<void> {
    const row = await this.parts.instances.byId(report.id);
    if (!row || (row.busy !== null && changesPower.includes(row.busy))) return;
    if (row.busy !== null) return void this.seenLater(report).catch(() => undefined);
    if (report.what === 'stopped') await this.stoppedByItself(row);
    if (report.what === 'started' && row.status !== 'Running') await this.database.transact((unit) => this.parts.instances.setStatus(unit, row.id, 'Running'));
    if (report.what === 'error') await this.database.transact((unit) => this.parts.instances.setStatus(unit, row.id, 'Error'));
    if (report.what === 'rebooted') await this.database.transact(async (unit) => emit(unit, systemCall(), 'instance-restarted', row));
  }

  /** Looks again when the change that holds the instance is over. */
  private async seenLater(report: EventOf<'agent.instance'>['payload']): Promise<void> {
    await sleep(lookAgainMs);
    await this.seen(report);
  }

  private async stoppedByItself(row: InstanceRow): Promise<void> {
    if (row.status === 'Stopped') return;
    const stopped = await this.database.transact(async (unit) => {
      const now = await this.parts.instances.lockById(unit, row.id);
      if (now.busy !== null || now.status === 'Stopped') return false;
      await this.parts.instances.write(unit, powered(now, 'Stopped', {}));
      emit(unit, systemCall(), 'instance-shutdown', now);
      return true;
    });
    if (stopped && row.ephemeral) await this.removeEphemeral(row);
  }

  private async removeEphemeral({ project, name }: InstanceRow): Promise<void> {
    await this.admission.perform(systemCall(), this.definitions.delete, { input: { project, name }, busy: 'delete', description: 'Deleting instance' });
  }

  /** Nobody knows how the instances of a silent member are; when it is heard of again, its agent tells. */
  private async memberHealth({ member, online }: EventOf<'member.health'>['payload']): Promise<void> {
    if (online) return this.heardAgain(member);
    // This may be told late: who is heard of by now is not silent.
    await this.agents.refresh();
    if (this.agents.online().includes(member)) return;
    await this.parts.instances.setStatusOn(member, 'Error');
  }

  /** An agent that has just come back may not be reached at once, and this process may be about to end: what was not done is told again, to another replica too. */
  private async heardAgain(member: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return void (await this.reconcile(member));
      } catch (error) {
        if (!this.agents.online().includes(member)) return;
        if (attempt === lookAgainTimes) throw error;
        await sleep(lookAgainMs);
      }
    }
  }

  /** A member came up: takes over what its agent found running, and starts what should run. */
  private async memberReady(member: string): Promise<void> {
    const { rows, reported } = await this.reconcile(member);
    if (this.agents.facts().some(({ name, evacuated }) => name === member && evacuated)) return;
    void this.autostart(autostartOrder(rows.filter((row) => !row.ephemeral), reported));
  }

  /** Makes the rows of a member say what its agent says; an ephemeral instance that stopped meanwhile goes. */
  private async reconcile(member: string): Promise<{ rows: InstanceRow[]; reported: agentInstances.InstanceStates['by_id'] }> {
    const rows = await this.parts.instances.ofMember(member);
    if (rows.length === 0) return { rows, reported: {} };
    const { by_id: reported } = await this.agents.on(member).instances.states(systemCall({ timeoutMs: 30_000 }), { ids: [] });
    const corrections = statusCorrections(rows, reported);
    await this.database.transact(async (unit) => {
      for (const { row, status } of corrections) await this.parts.instances.setStatus(unit, row.id, status);
    });
    for (const { row, status } of corrections) if (row.ephemeral && status === 'Stopped') await this.removeEphemeral(row);
    return { rows, reported };
  }

  private async autostart(rows: readonly InstanceRow[]): Promise<void> {
    for (const row of rows) {
      const wish = { project: row.project, name: row.name, action: 'start', force: false, stateful: false, timeoutS: 0 } as const;
      await this.admission.perform(systemCall(), this.definitions.start, { input: wish, busy: 'start', description: 'Starting instance' }).then(
        () => this.autostarts.succeeded(row),
        (error: unknown) => (error instanceof Refused ? undefined : this.autostarts.failed(row, error)),
      );
      const delayS = Number(row.expanded_config[instanceKeys.bootAutostartDelay.name] ?? 0) || 0;
      if (delayS > 0) await sleep(delayS * 1000);
    }
  }
}

