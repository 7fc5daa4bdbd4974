import type { AsterismEvent } from '@asterism/events';
import type { Connection, Connections } from './connections.js';
import type { OutboxRelay } from './outbox.js';
import { isAborted, isSerializationFailure, isStalePlan, unreachable } from './postgres-errors.js';

/** One transaction. Rows and the events they cause commit together. */
export interface Unit {
  /** Sent at once, answered in order. What one fails with fails the transaction. */
  query<R>(sql: string, params?: readonly unknown[]): Promise<R[]>;
  /** A statement whose rows nobody needs, and that nobody waits for before the commit. */
  run(sql: string, params?: readonly unknown[]): void;
  /** Published once the transaction has committed, and again after a crash until it was taken. */
  emit(event: AsterismEvent): void;
  /** Runs after the commit, in this process only. */
  afterCommit(work: () => void): void;
}

export interface DatabaseOptions {
  connections: Connections;
  /** The service's own schema. */
  schema: string;
  relay: OutboxRelay;
}

const attempts = 5;

/** A service's view of PostgreSQL: its own schema, its own outbox. */
export class Database {
  readonly schema: string;
  readonly #connections: Connections;
  readonly #relay: OutboxRelay;

  constructor(options: DatabaseOptions) {
    this.schema = options.schema;
    this.#connections = options.connections;
    this.#relay = options.relay;
  }

  /** One statement outside a transaction. */
  query<R>(sql: string, params: readonly unknown[] = []): Promise<R[]> {
    return this.#connections.query<R>(sql, params);
  }

  /**
   * Commits what `work` did, or nothing. Deadlocks and serialization failures run `work` again.
   * @param options.relaxed returns before the disk has it (ADR 16): a crash of PostgreSQL may take it back, but never it alone, only together
   *   with all that was committed afterwards. For what is promised to nobody yet.
   */
  async transact<T>(work: (unit: Unit) => Promise<T> | T, { relaxed = false }: { relaxed?: boolean } = {}): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once(work, relaxed ? 'BEGIN; SET LOCAL synchronous_commit = off' : 'BEGIN');
      } catch (error) {
        if (attempt === attempts || !(isSerializationFailure(error) || isStalePlan(error))) throw unreachable(error);
      }
    }
  }

  async #once<T>(work: (unit: Unit) => Promise<T> | T, begin: string): Promise<T> {
    const connection = await this.#connections.take();
    const unit = new RunningUnit(connection);
    let failure: unknown;
    try {
      // BEGIN travels with the first statement, COMMIT with the last; a failure in between makes the COMMIT a ROLLBACK.
      const begun = connection.command(begin);
      begun.catch(() => undefined);
      const result = await work(unit);
      this.#storeEvents(unit);
      const committed = connection.command('COMMIT');
      const [end] = await Promise.all([committed, begun, ...unit.sent]);
      if (end !== 'COMMIT') throw new Error('The transaction was rolled back: one of its statements had failed');
      this.#relay.publish(this.schema, unit.events);
      for (const step of unit.after) step();
      return result;
    } catch (error) {
      failure = isAborted(error) ? ((await firstFailure(unit.sent)) ?? error) : error;
      await connection.command('ROLLBACK').catch(() => undefined);
      throw failure;
    } finally {
      connection.release(failure);
    }
  }

  #storeEvents(unit: RunningUnit): void {
    if (unit.events.length === 0) return;
    unit.run(`INSERT INTO ${this.schema}.outbox (id, event) SELECT * FROM unnest($1::uuid[], $2::text[])`, [
      unit.events.map((event) => event.id),
      unit.events.map((event) => JSON.stringify(event)),
    ]);
  }
}

/** What the statements behind it were refused for. */
async function firstFailure(sent: readonly Promise<unknown>[]): Promise<unknown> {
  return (await Promise.allSettled(sent)).find((answer) => answer.status === 'rejected')?.reason;
}

class RunningUnit implements Unit {
  readonly events: AsterismEvent[] = [];
  readonly after: (() => void)[] = [];
  readonly sent: Promise<unknown>[] = [];

  constructor(private readonly connection: Connection) {}

  query<R>(sql: string, params: readonly unknown[] = []): Promise<R[]> {
    const answer = this.connection.query<R>(sql, params);
    answer.catch(() => undefined);
    this.sent.push(answer);
    return answer;
  }

  run(sql: string, params: readonly unknown[] = []): void {
    void this.query(sql, params);
  }

  emit(event: AsterismEvent): void {
    this.events.push(event);
  }

  afterCommit(work: () => void): void {
    this.after.push(work);
  }
}
