import { Agents } from '@asterism/agents';
import { Database } from '@asterism/database';
import { Token, type agentInstances, type Warnings } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { forEach, Rounds, RuntimeInfo } from '@asterism/service';
import { Inject, Injectable } from '@nestjs/common';
import type { Standing } from '../instance.store.js';
import { emit, TaskParts } from '../task-parts.js';
import { statusCorrections, withoutRow, type Correction } from './reconcile.js';

const warningType = 'Instance without owner';

/** Compares instances with what their members run, in rounds: for what no event told. What a task holds is left to it. */
@Injectable()
export class InstanceUpkeep {
  readonly #rounds: Rounds;
  /** Ids without a row that the round before found, by member. */
  readonly #strangers = new Map<string, ReadonlySet<string>>();

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(TaskParts) private readonly parts: TaskParts,
    @Inject(Agents) private readonly agents: Agents,
    @Inject(Token.Warnings) private readonly warnings: Warnings,
    @Inject(RuntimeInfo) { environment }: RuntimeInfo,
  ) {
    this.#rounds = new Rounds('instances', environment.lookAfterSeconds, () => forEach(agents.online(), (member) => this.lookAfter(member)));
  }

  start(): void {
    this.#rounds.start();
  }

  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  /** The rows are read before the agent is asked: what changes meanwhile is no longer the row that was read, and stays as it is. */
  async lookAfter(member: string): Promise<void> {
    const before = await this.parts.instances.standingsOn(member);
    const { by_id: reported } = await this.agents.on(member).instances.lookAfter(systemCall({ timeoutMs: 60_000 }), {});
    for (const correction of statusCorrections(before, reported)) await this.correct(correction);
    await this.settle(member, reported);
  }

  private async correct({ row, status }: Correction<Standing>): Promise<void> {
    await this.database.transact(async (unit) => {
      if (!(await this.parts.instances.lockVersion(unit, row))) return;
      await this.parts.instances.setStatus(unit, row.id, status);
      if (status === 'Stopped') emit(unit, systemCall(), 'instance-shutdown', row);
    });
  }

  /** What the agent keeps of an instance that is no more goes; one that runs is nobody's to end without being asked. */
  private async settle(member: string, reported: agentInstances.InstanceStates['by_id']): Promise<void> {
    const known = await this.parts.instances.standingsOn(member);
    const strangers = withoutRow(known, reported);
    const sure = strangers.filter((id) => this.#strangers.get(member)?.has(id));
    this.#strangers.set(member, new Set(strangers));
    const running = sure.filter((id) => reported[id]!.status !== 'Stopped');
    for (const id of sure) if (!running.includes(id)) await this.agents.on(member).instances.forget(systemCall({ timeoutMs: 60_000 }), { id });
    const warnings = running.map((id) => {
      const { project, name, pid } = reported[id]!;
      const message = `${project}/${name} (${id}) runs as process ${pid} and is no instance any more. End that process; the rest is cleared away by itself`;
      return { project: '', location: member, type: warningType, severity: 'high', last_message: message, entity_url: '' };
    });
    await this.warnings.settle(systemCall(), { types: [warningType], location: member, warnings: warnings.slice(0, 1) });
  }
}
