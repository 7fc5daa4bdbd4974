import type { Database, Unit } from '@asterism/database';
import { LeaseClock } from './lease-clock.js';

export interface TaskRow {
  id: string;
  kind: string;
  call: string;
  input: string;
  state: string;
  cursor: number;
  phase: 'run' | 'undo';
  cancel_requested: boolean;
  error: string | null;
  error_kind: string | null;
  /** JSON list of StepTime. */
  steps: string;
}

const leaseSeconds = 15;
/** Longer than anybody takes between opening an operation and accepting its work. */
const disownedHours = 24;

/** Queries of a service's own tasks table. */
export class TaskStore {
  readonly #table: string;
  readonly #clock = new LeaseClock(leaseSeconds * 1000);

  constructor(
    private readonly database: Database,
    private readonly owner: string,
  ) {
    this.#table = `${database.schema}.tasks`;
  }

  insert(unit: Unit, row: Pick<TaskRow, 'id' | 'kind' | 'call' | 'input' | 'state'>): void {
    unit.run(
      `INSERT INTO ${this.#table} (id, kind, call, input, state, lease_owner, lease_until) VALUES ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))`,
      [row.id, row.kind, row.call, row.input, row.state, this.owner, leaseSeconds],
    );
  }

  /** Saves where the task stands; false when another process has taken it over. */
  async save(id: string, position: Pick<TaskRow, 'state' | 'cursor' | 'phase' | 'error' | 'error_kind' | 'steps'>): Promise<boolean> {
    const rows = await this.database.query(
      `UPDATE ${this.#table} SET state = $3, cursor = $4, phase = $5, error = $6, error_kind = $7, steps = $8, lease_until = now() + make_interval(secs => $9)
       WHERE id = $1 AND lease_owner = $2 RETURNING id`,
      [id, this.owner, position.state, position.cursor, position.phase, position.error, position.error_kind, position.steps, leaseSeconds],
    );
    return rows.length === 1;
  }

  /** Removes the finished task. Fails the transaction, by a division by zero, when another process has taken it over. */
  remove(unit: Unit, id: string): void {
    unit.run(`WITH removed AS (DELETE FROM ${this.#table} WHERE id = $1 AND lease_owner = $2 RETURNING id) SELECT 1 / count(*) FROM removed`, [id, this.owner]);
  }

  /** Takes over tasks whose owner is gone, or that this owner had before it was restarted. A lease that ends too late to be true was given before the clock was set back. */
  async claim(known: readonly string[], kinds: readonly string[], at: number): Promise<TaskRow[]> {
    const { clockMs, toleranceMs, settled } = this.#clock.expectation(at);
    const rows = await this.database.query<TaskRow & { clock_ms: number }>(
      `WITH clock AS (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS ms),
       claimed AS (
         UPDATE ${this.#table} SET lease_owner = $1, lease_until = now() + make_interval(secs => $4), attempts = attempts + 1
         WHERE id IN (SELECT t.id FROM ${this.#table} t, clock
                      WHERE t.kind = ANY($3) AND t.id <> ALL($2::uuid[]) AND (t.lease_owner = $1
                        OR ($6 AND ($5::float8 IS NULL OR abs(clock.ms - $5) < $7) AND (t.lease_until < now() OR t.lease_until > now() + make_interval(secs => $4 * 5))))
                      ORDER BY t.created_at LIMIT 100 FOR UPDATE OF t SKIP LOCKED)
         RETURNING id, kind, call, input, state, cursor, phase, cancel_requested, error, error_kind, steps)
       SELECT clock.ms AS clock_ms, claimed.* FROM clock LEFT JOIN claimed ON true`,
      [this.owner, known, kinds, leaseSeconds, clockMs, settled, toleranceMs],
    );
    if (rows[0]) this.#clock.saw(rows[0].clock_ms, at);
    return rows.filter(({ id }) => id !== null);
  }

  /** Answers those that somebody wants cancelled, perhaps through another process. */
  async renew(ids: readonly string[]): Promise<string[]> {
    const rows = await this.database.query<{ id: string; cancel_requested: boolean }>(
      `UPDATE ${this.#table} SET lease_until = now() + make_interval(secs => $3) WHERE lease_owner = $1 AND id = ANY($2::uuid[]) RETURNING id, cancel_requested`,
      [this.owner, ids, leaseSeconds],
    );
    return rows.filter((row) => row.cancel_requested).map((row) => row.id);
  }

  /** Whether a task of this id is there, or its end waits in the outbox. */
  async has(id: string): Promise<boolean> {
    return this.#isThere(`id = $1 AND kind <> ''`, id);
  }

  /** The same; where nothing is there, a row of no kind takes the id, so that whoever is about to accept a task of it cannot. */
  async disown(id: string): Promise<boolean> {
    await this.database.query(
      `WITH swept AS (DELETE FROM ${this.#table} WHERE kind = '' AND lease_until < now())
       INSERT INTO ${this.#table} (id, kind, call, input, state, lease_owner, lease_until) VALUES ($1, '', '{}', '{}', '{}', '', now() + make_interval(hours => $2))
       ON CONFLICT (id) DO NOTHING`,
      [id, disownedHours],
    );
    return this.has(id);
  }

  /** The same for any task or event caused under a claim. */
  async hasClaim(claim: string): Promise<boolean> {
    return this.#isThere(`call LIKE '%' || $1 || '%'`, claim);
  }

  async #isThere(condition: string, value: string): Promise<boolean> {
    const rows = await this.database.query(
      `SELECT 1 FROM ${this.#table} WHERE ${condition} UNION ALL SELECT 1 FROM ${this.database.schema}.outbox WHERE event LIKE '%' || $2 || '%' LIMIT 1`,
      [value, value],
    );
    return rows.length > 0;
  }

  async requestCancel(id: string): Promise<void> {
    await this.database.query(`UPDATE ${this.#table} SET cancel_requested = true WHERE id = $1`, [id]);
  }
}
