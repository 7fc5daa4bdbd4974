import { setTimeout as sleep } from 'node:timers/promises';
import { instanceKeys, valueOf } from '@asterism/config-keys';
import { Database } from '@asterism/database';
import type { CallContext } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import { Admission } from '../admission.js';
import { isRunning, type InstanceRow } from '../instance.js';
import { InstanceTasks } from '../instance-tasks.js';
import { requireTransition } from '../power/transitions.js';
import { InstanceBusy } from '../refusal.js';
import { Moves } from '../rename/moves.js';
import { TaskParts, withVolatileKeys } from '../task-parts.js';

const patienceMs = 300_000;
const lookAgainMs = 500;

/** Brings single instances to another member: stopped as when a host goes down, moved, and started again where they ran. */
@Injectable()
export class Relocation {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(Admission) private readonly admission: Admission,
    @Inject(InstanceTasks) private readonly definitions: InstanceTasks,
    @Inject(Moves) private readonly moves: Moves,
    @Inject(TaskParts) private readonly parts: TaskParts,
  ) {}

  /** As it is now; undefined for one that is gone. */
  now(row: Pick<InstanceRow, 'id'>): Promise<InstanceRow | undefined> {
    return this.parts.instances.byId(row.id);
  }

  /** Asked within its own time, then by force. It counts as running, so that it starts again. */
  async stop(call: CallContext, row: InstanceRow): Promise<void> {
    const timeoutS = Number(valueOf(row.expanded_config, instanceKeys.bootHostShutdownTimeout));
    try {
      await this.#stop(call, row, { force: false, timeoutS });
    } catch (error) {
      const now = await this.now(row);
      if (!now || !isRunning(now)) return;
      if (error instanceof InstanceBusy) throw error;
      await this.#stop(call, now, { force: true, timeoutS: 0 });
    }
  }

  /** A member that has just come up may have started it. */
  async start(call: CallContext, { id, project, name }: InstanceRow): Promise<void> {
    const input = { project, name, action: 'start', force: false, stateful: false, timeoutS: 0 } as const;
    try {
      await patiently(() => this.admission.perform(call, this.definitions.start, { input, busy: 'start', description: 'Starting instance', accept: (_unit, row) => requireTransition(row, input) }));
    } catch (error) {
      const now = await this.now({ id });
      if (!now || !isRunning(now)) throw error;
    }
  }

  /** A member that has just come up starts what ran on it: then it is stopped again. */
  async move(call: CallContext, { id, project, name, pool, pool_driver: poolDriver }: InstanceRow, member: string): Promise<void> {
    const stillStopped = (_unit: unknown, row: InstanceRow): void => {
      if (isRunning(row)) throw new InstanceBusy('start');
    };
    await patiently(async () => {
      const row = await this.now({ id });
      if (!row || row.member === member) return;
      if (isRunning(row)) await this.stop(call, row);
      await this.moves.requireArrival(call, row, member);
      await this.admission.perform(call, this.definitions.move, { input: { project, name, newName: name, pool, poolDriver, member }, busy: 'rename', description: 'Migrating instance', accept: stillStopped });
    });
  }

  /** Where it came from, or that it is back. */
  async setOrigin(row: InstanceRow, origin: string): Promise<void> {
    await this.database.transact(async (unit) => {
      const now = await this.parts.instances.lockById(unit, row.id);
      await this.parts.instances.write(unit, withVolatileKeys(now, { [instanceKeys.volatileEvacuateOrigin.name]: origin }));
    });
  }

  async #stop(call: CallContext, { project, name }: InstanceRow, how: { force: boolean; timeoutS: number }): Promise<void> {
    const input = { project, name, action: 'stop', stateful: false, hostShutdown: true, ...how } as const;
    await patiently(() => this.admission.perform(call, this.definitions.stop, { input, busy: 'stop', description: 'Stopping instance', accept: (_unit, row) => requireTransition(row, input) }));
  }
}

/** Other changes of the instance end first: what a crash cut off is taken over beside this. */
async function patiently(change: () => Promise<void>): Promise<void> {
  for (const until = performance.now() + patienceMs; ; await sleep(lookAgainMs)) {
    try {
      return await change();
    } catch (error) {
      if (!(error instanceof InstanceBusy) || performance.now() > until) throw error;
    }
  }
}
