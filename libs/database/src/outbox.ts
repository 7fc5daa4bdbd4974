import type { AsterismEvent, EventBus } from '@asterism/events';
import type { Connections } from './connections.js';

const sweepMs = 15_000;
/** Younger rows are still being published by the process that wrote them. */
const staleSeconds = 10;
/** Events whose consumers have not taken them yet; the next ones wait. */
const underWayAtMost = 200;
/** Rows that were taken go together a little later: who gets an event twice knows it by its id. */
const forgetMs = 50;

/**
 * Brings committed events to the bus. What a transaction emitted is published right after its commit, in order; rows
 * that a crash left behind are found by a sweep.
 */
export class OutboxRelay {
  readonly #queue: { schema: string; event: AsterismEvent }[] = [];
  #underWay = 0;
  #idle: (() => void)[] = [];
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
    this.#pump();
  }

  /** Resolves when everything published so far was taken or left to the sweep. */
  async settled(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
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

  /** The bus gets what waits at once and in order; a consumer that takes its time with one does not hold up the next, and may commit several as one group. */
  #pump(): void {
    while (this.#underWay < underWayAtMost) {
      const next = this.#queue.shift();
      if (!next) break;
      this.#underWay++;
      void this.bus.publish(next.event).then(
        () => this.#passed(next, true),
        () => this.#passed(next, false),
      );
    }
  }

  #passed({ schema, event }: { schema: string; event: AsterismEvent }, taken: boolean): void {
    this.#underWay--;
    if (taken) {
      const ids = this.#taken.get(schema);
      if (ids) ids.push(event.id);
      else this.#taken.set(schema, [event.id]);
      this.#forgetting ??= setTimeout(() => void this.#forget(), forgetMs);
    }
    this.#pump();
    if (this.#underWay === 0) for (const resolve of this.#idle.splice(0)) resolve();
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
