import type { AsterismEvent } from '@asterism/events';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import type { OutboxRelay } from './outbox.js';
import { isSerializationFailure } from './postgres-errors.js';

/** One transaction. Rows and the events they cause commit together. */
export interface Unit {
  query<R>(sql: string, params?: readonly unknown[]): Promise<R[]>;
  readonly entities: EntityManager;
  /** Published once the transaction has committed, and again after a crash until it was taken. */
  emit(event: AsterismEvent): void;
  /** Runs after the commit, in this process only. */
  afterCommit(work: () => void): void;
}

export interface DatabaseOptions {
  source: DataSource;
  /** The service's own schema. */
  schema: string;
  relay: OutboxRelay;
}

const attempts = 5;

/** A service's view of PostgreSQL: its own schema, its own outbox. */
export class Database {
  readonly schema: string;
  readonly #source: DataSource;
  readonly #relay: OutboxRelay;

  constructor(options: DatabaseOptions) {
    this.schema = options.schema;
    this.#source = options.source;
    this.#relay = options.relay;
  }

  /** Reads outside a transaction. */
  query<R>(sql: string, params: readonly unknown[] = []): Promise<R[]> {
    return this.#source.query(sql, params as unknown[]).then(rowsOf<R>);
  }

  get entities(): EntityManager {
    return this.#source.manager;
  }

  /** Commits what `work` did, or nothing. Deadlocks and serialization failures run `work` again. */
  async transact<T>(work: (unit: Unit) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once(work);
      } catch (error) {
        if (attempt === attempts || !isSerializationFailure(error)) throw error;
      }
    }
  }

  async #once<T>(work: (unit: Unit) => Promise<T>): Promise<T> {
    const runner = this.#source.createQueryRunner();
    const unit = new RunningUnit(runner);
    try {
      await runner.startTransaction();
      const result = await work(unit);
      await this.#storeEvents(unit);
      await runner.commitTransaction();
      this.#relay.publish(this.schema, unit.events);
      for (const step of unit.after) step();
      return result;
    } catch (error) {
      if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
      throw error;
    } finally {
      await runner.release();
    }
  }

  async #storeEvents(unit: RunningUnit): Promise<void> {
    if (unit.events.length === 0) return;
    await unit.query(`INSERT INTO ${this.schema}.outbox (id, event) SELECT * FROM unnest($1::uuid[], $2::text[])`, [
      unit.events.map((event) => event.id),
      unit.events.map((event) => JSON.stringify(event)),
    ]);
  }
}

class RunningUnit implements Unit {
  readonly events: AsterismEvent[] = [];
  readonly after: (() => void)[] = [];

  constructor(private readonly runner: QueryRunner) {}

  get entities(): EntityManager {
    return this.runner.manager;
  }

  query<R>(sql: string, params: readonly unknown[] = []): Promise<R[]> {
    return this.runner.query(sql, params as unknown[]).then(rowsOf<R>);
  }

  emit(event: AsterismEvent): void {
    this.events.push(event);
  }

  afterCommit(work: () => void): void {
    this.after.push(work);
  }
}

/** TypeORM answers [rows, count] to UPDATE and DELETE and rows to the rest; here it is rows always (RETURNING included). */
function rowsOf<R>(answer: unknown): R[] {
  if (Array.isArray(answer) && answer.length === 2 && Array.isArray(answer[0]) && typeof answer[1] === 'number') return answer[0] as R[];
  return (answer ?? []) as R[];
}
