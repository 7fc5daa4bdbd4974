import type { AsterismEvent, EventBus } from '@asterism/events';
import type { Connections } from './connections.js';

const sweepMs = 15_000;
/** Younger rows are still being published by the process that wrote them. */
const staleSeconds = 10;
const batchSize = 200;
/** Rows that were taken go together a little later: who gets an event twice knows it by its id. */
const forgetMs = 50;

/**
 * Brings committed events to the bus. What a transaction emitted is published right after its commit, in order; rows
 * that a crash left behind are found by a sweep.
 */
export class OutboxRelay {
  readonly #queue: { schema: string; event: AsterismEvent }[] = [];
  #draining: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #forgetting: NodeJS.Timeout | undefined;
  readonly #schemas = new Set<string>();
  readonly #taken = new Map<string, string[]>();

  constructor(
    private readonly connections: Connections,
    private readonly bus: EventBus,
  ) {}

  /** Publishes what crashed processes left and keeps looking; call once for each schema of this process. */
  async watch(schema: string): Promise<void> {
    this.#schemas.add(schema);
    await this.#sweep(schema, 0);
    this.#timer ??= setInterval(() => {
      for (const name of this.#schemas) void this.#sweep(name, staleSeconds).catch(() => undefined);
    }, sweepMs);
    this.#timer.unref();
  }

  publish(schema: string, events: readonly AsterismEvent[]): void {
    for (const event of events) this.#queue.push({ schema, event });
    if (this.#queue.length > 0) this.#draining ??= this.#drain().finally(() => (this.#draining = undefined));
  }

  /** Resolves when everything published so far was taken or left to the sweep. */
  async settled(): Promise<void> {
    while (this.#draining) await this.#draining;
    clearTimeout(this.#forgetting);
    await this.#forget();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.settled();
  }

  async #sweep(schema: string, olderThanSeconds: number): Promise<void> {
    const rows = await this.connections.query<{ event: string }>(
      `SELECT event FROM ${schema}.outbox WHERE created_at <= now() - make_interval(secs => $1) ORDER BY created_at LIMIT 500`,
      [olderThanSeconds],
    );
    this.publish(schema, rows.map((row) => JSON.parse(row.event) as AsterismEvent));
  }

  /** Takes all that waits at once; the bus gets it in order, consumers may commit it as one group. */
  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, batchSize);
      const taken = await Promise.all(batch.map(({ event }) => this.bus.publish(event).then(() => true, () => false)));
      batch.forEach(({ schema, event }, index) => {
        if (taken[index]) this.#taken.set(schema, [...(this.#taken.get(schema) ?? []), event.id]);
      });
      this.#forgetting ??= setTimeout(() => void this.#forget(), forgetMs);
    }
  }

  async #forget(): Promise<void> {
    this.#forgetting = undefined;
    const taken = [...this.#taken];
    this.#taken.clear();
    await Promise.all(
      taken.map(([schema, ids]) => this.connections.query(`DELETE FROM ${schema}.outbox WHERE id = ANY($1::uuid[])`, [ids]).catch(() => undefined)),
    );
  }
}
