import { Query, type Connection as Wire, type Pool, type PoolClient, type QueryResult } from 'pg';
import type { DataSource } from 'typeorm';
import { isConnectionLoss, isStalePlan, unreachable } from './postgres-errors.js';

/** One connection, on which statements are sent without waiting for the answers to those before. */
export interface Connection {
  query<R>(sql: string, params?: readonly unknown[]): Promise<R[]>;
  /** The command's tag, e.g. "COMMIT", or "ROLLBACK" where a COMMIT ended a failed transaction. */
  command(sql: string): Promise<string>;
  /** Back to the pool; a connection that cannot be used again goes. */
  release(error?: unknown): void;
}

/** Connections that everybody's reads share. */
const shared = 2;
/** Texts that are prepared at most: what is put together by hand each time has no end. */
const preparedAtMost = 500;

/** A process's connections: some shared by single statements, the rest taken by one transaction at a time. */
export class Connections {
  readonly #pool: Pool;
  #current: Slot | undefined;
  readonly #slots = Array.from({ length: shared }, () => new Slot(() => this.take()));

  constructor(source: DataSource) {
    this.#pool = (source.driver as unknown as { master: Pool }).master;
  }

  /** One statement, committed by itself. */
  async query<R>(sql: string, params: readonly unknown[] = []): Promise<R[]> {
    const slot = this.#slotOfThisTurn();
    try {
      return await slot.query<R>(sql, params);
    } catch (error) {
      if (isStalePlan(error)) return slot.query<R>(sql, params);
      throw unreachable(error);
    }
  }

  /** Statements that are given together travel together. */
  #slotOfThisTurn(): Slot {
    if (this.#current) return this.#current;
    process.nextTick(() => (this.#current = undefined));
    return (this.#current = this.#slots.reduce((idlest, candidate) => (candidate.busy < idlest.busy ? candidate : idlest)));
  }

  /** Gives the shared ones back, so that the pool can end. */
  close(): void {
    for (const slot of this.#slots) slot.close();
  }

  async take(): Promise<Connection> {
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw unreachable(error);
    });
    // What breaks while nothing is asked shows at the next statement.
    client.on('error', ignore);
    return {
      query: async <R>(sql: string, params: readonly unknown[] = []) => (await send(client, sql, params)).rows as R[],
      command: async (sql) => (await send(client, sql, undefined)).command,
      release(error) {
        const broken = isConnectionLoss(error) || isStalePlan(error);
        // One that goes may still tell of its end; one that stays is listened to by the pool.
        if (!broken) client.off('error', ignore);
        client.release(broken);
      },
    };
  }
}

/** Keeps one connection for as long as it works. */
class Slot {
  busy = 0;
  #connection: Promise<Connection> | undefined;

  constructor(private readonly connect: () => Promise<Connection>) {}

  async query<R>(sql: string, params: readonly unknown[]): Promise<R[]> {
    this.busy++;
    const connecting = (this.#connection ??= this.connect());
    try {
      return await (await connecting).query<R>(sql, params);
    } catch (error) {
      if (isConnectionLoss(error) || isStalePlan(error)) this.#drop(connecting, error);
      throw error;
    } finally {
      this.busy--;
    }
  }

  close(): void {
    if (this.#connection) this.#drop(this.#connection, undefined);
  }

  #drop(connecting: Promise<Connection>, error: unknown): void {
    if (this.#connection !== connecting) return;
    this.#connection = undefined;
    void connecting.then((connection) => connection.release(error)).catch(ignore);
  }
}

/** Statements of one turn leave in one write: waking the server once is cheaper than doing so for each. */
class BatchedQuery extends Query {
  override submit = (connection: Wire): void => {
    connection.stream.cork();
    process.nextTick(() => connection.stream.uncork());
    return (Query.prototype as Query).submit.call(this, connection);
  };
}

function send(client: PoolClient, sql: string, params: readonly unknown[] | undefined): Promise<QueryResult> {
  const { promise, resolve, reject } = Promise.withResolvers<QueryResult>();
  const config = params === undefined ? { text: sql } : { text: sql, values: [...params], name: statementName(sql) };
  const query = new BatchedQuery(config, (error: Error | undefined, result: unknown) => (error ? reject(error) : resolve(result as QueryResult)));
  client.query(query);
  return promise;
}

const names = new Map<string, string>();

/** Prepared once on each connection, so that only the values travel afterwards. */
function statementName(sql: string): string | undefined {
  const known = names.get(sql);
  if (known !== undefined || names.size >= preparedAtMost) return known;
  const name = `s${names.size + 1}`;
  names.set(sql, name);
  return name;
}

function ignore(): void {}
