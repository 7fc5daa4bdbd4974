import { Database } from '@asterism/database';
import { EventBusToken, type EventBus } from '@asterism/events';
import { systemCall } from '@asterism/rpc';
import { TaskOwners } from '@asterism/service';
import { Inject, Injectable } from '@nestjs/common';
import { Journal } from './journal.js';
import { interrupted } from './operation.js';
import { listStale } from './operation.store.js';

/** Under this name the ends of tasks are consumed. */
export const consumer = 'operations';

/** Ends operations that nobody runs any more. Their end may have been told while nobody here was listening: that one counts. */
@Injectable()
export class Interrupted {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(Journal) private readonly journal: Journal,
    @Inject(TaskOwners) private readonly owners: TaskOwners,
    @Inject(EventBusToken) private readonly bus: EventBus,
  ) {}

  /** Running tasks that their owner knows nothing of were never accepted, or ended without a word. */
  async sweep(olderThanSeconds: number): Promise<void> {
    const unknown: string[] = [];
    for (const { id, owner } of await listStale(this.database, olderThanSeconds)) {
      const presence = await this.owners.of(owner)?.disown(systemCall({ timeoutMs: 5_000 }), { id, claim: '' }).catch(() => undefined);
      if (presence && !presence.known) unknown.push(id);
    }
    await this.end(unknown);
  }

  async end(ids: readonly string[]): Promise<void> {
    if (ids.length === 0 || !(await this.toldEverything())) return;
    await Promise.all(ids.map((id) => this.journal.write({ kind: 'close', closing: { id, ...interrupted, metadata: {} } })));
  }

  /** Whether every end that was told before now is written down. */
  async toldEverything(): Promise<boolean> {
    return this.bus.caughtUp(consumer);
  }
}
