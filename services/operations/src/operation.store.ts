import type { Unit } from '@asterism/database';
import type { OperationRecord, OperationRow } from './operation.js';

const rfc3339 = `'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'`;
const columns = ['created_at', 'updated_at', 'finished_at'].reduce(
  (list, column) => `${list}, to_char(${column} AT TIME ZONE 'UTC', ${rfc3339}) AS ${column}`,
  'id, class, description, project, location, owner, resources, metadata, may_cancel, status_code, err',
);

/** LXD's status of an operation that is being cancelled. */
const cancelling = 104;

type Reader = Pick<Unit, 'query'>;

export interface NewOperation extends Omit<OperationRow, 'created_at' | 'updated_at' | 'finished_at' | 'err'> {
  requestor: object | null;
  request_id: string;
  trace_id: string;
  claim: string | null;
  runner: string;
}

export interface Closing {
  id: string;
  status_code: number;
  err: string;
  metadata: Record<string, unknown>;
  steps?: object[];
}

/** The row as it stands from now on; times are this process's, each later than the one before. */
export function openedRow(row: NewOperation): NewOperation & OperationRow {
  const now = nextTimestamp();
  return { ...row, err: '', created_at: now, updated_at: now, finished_at: null };
}

export function insertOperations(unit: Unit, rows: readonly (NewOperation & OperationRow)[]): void {
  unit.run(
    `INSERT INTO operations.operations (id, class, description, project, location, owner, resources, metadata, may_cancel, status_code, requestor, request_id, trace_id, claim, runner, created_at, updated_at)
     SELECT id, class, description, project, location, owner, resources, metadata, may_cancel, status_code, requestor, request_id, trace_id, claim, runner, created_at, updated_at
     FROM jsonb_to_recordset($1::jsonb) AS r(id uuid, class text, description text, project text, location text, owner text, resources jsonb, metadata jsonb,
       may_cancel boolean, status_code int, requestor jsonb, request_id text, trace_id text, claim uuid, runner text, created_at timestamptz, updated_at timestamptz)`,
    [JSON.stringify(rows)],
  );
}

/** Which of the claims are held by a request that may still open something: the rest has been given up, and its request runs again under another. */
export async function heldClaims(unit: Unit, claims: readonly string[]): Promise<string[]> {
  const rows = await unit.query<{ claim: string }>(`SELECT claim FROM operations.idempotency_keys WHERE claim = ANY($1::uuid[]) FOR KEY SHARE`, [claims]);
  return rows.map(({ claim }) => claim);
}

let lastMicroseconds = 0;

function nextTimestamp(): string {
  lastMicroseconds = Math.max(Date.now() * 1000, lastMicroseconds + 1);
  const milliseconds = Math.floor(lastMicroseconds / 1000);
  return `${new Date(milliseconds).toISOString().slice(0, -1)}${String(lastMicroseconds % 1000).padStart(3, '0')}Z`;
}

/** A row as it stands once its operation has ended. */
export function closedRow(row: OperationRow, { status_code, err, metadata }: Closing): OperationRow {
  const now = nextTimestamp();
  const merged = Object.keys(metadata).length === 0 ? row.metadata : { ...row.metadata, ...metadata };
  return { ...row, status_code, err, metadata: merged, updated_at: now, finished_at: now };
}

/**
 * Ends an operation whose row is known, in a statement that nobody waits for. Divides by zero where it has changed since. Each by itself: joined
 * with a list of unknown length, PostgreSQL reads the whole table.
 */
export function closeKnown(unit: Unit, { seen, closed, steps }: { seen: OperationRow; closed: OperationRow; steps?: object[] | undefined }): void {
  unit.run(
    `WITH closed AS (
       UPDATE operations.operations SET status_code = $3, err = $4, updated_at = $5, finished_at = $5, steps = $6, metadata = $7
       WHERE id = $1 AND finished_at IS NULL AND updated_at = $2 RETURNING id)
     SELECT 1 / count(*)::int FROM closed`,
    [seen.id, seen.updated_at, closed.status_code, closed.err, closed.finished_at, steps ? JSON.stringify(steps) : null, closed.metadata ? JSON.stringify(closed.metadata) : null],
  );
}

/** Ends those that still run; answers the rows that it ended. */
export async function closeOperations(unit: Unit, closings: readonly Closing[]): Promise<OperationRow[]> {
  return unit.query<OperationRow>(
    `UPDATE operations.operations AS o SET status_code = c.status_code, err = c.err, updated_at = clock_timestamp(), finished_at = clock_timestamp(), steps = c.steps,
       metadata = CASE WHEN c.metadata = '{}'::jsonb THEN o.metadata ELSE coalesce(o.metadata, '{}'::jsonb) || c.metadata END
     FROM jsonb_to_recordset($1::jsonb) AS c(id uuid, status_code int, err text, metadata jsonb, steps jsonb)
     WHERE o.id = c.id AND o.finished_at IS NULL
     RETURNING ${columns.replace(/\b(id|status_code|err|metadata)\b/g, 'o.$1')}`,
    [JSON.stringify(closings)],
  );
}

export async function mergeMetadata(unit: Unit, changes: readonly { id: string; metadata: Record<string, unknown> }[]): Promise<OperationRow[]> {
  return unit.query<OperationRow>(
    `UPDATE operations.operations AS o SET updated_at = clock_timestamp(), metadata = coalesce(o.metadata, '{}'::jsonb) || c.metadata
     FROM jsonb_to_recordset($1::jsonb) AS c(id uuid, metadata jsonb)
     WHERE o.id = c.id AND o.finished_at IS NULL
     RETURNING ${columns.replace(/\b(id|metadata)\b/g, 'o.$1')}`,
    [JSON.stringify(changes)],
  );
}

export async function removeOperations(unit: Unit, ids: readonly string[]): Promise<OperationRow[]> {
  return unit.query<OperationRow>(`DELETE FROM operations.operations WHERE id = ANY($1::uuid[]) RETURNING ${columns}`, [ids]);
}

export async function findOperation(reader: Reader, id: string): Promise<OperationRow | undefined> {
  if (!isUuid(id)) return undefined;
  return (await reader.query<OperationRow>(`SELECT ${columns} FROM operations.operations WHERE id = $1`, [id]))[0];
}

const recordColumns = `${columns}, requestor, request_id, trace_id, cancel_requested, steps`;

export async function findRecord(reader: Reader, id: string): Promise<OperationRecord | undefined> {
  if (!isUuid(id)) return undefined;
  return (await reader.query<OperationRecord>(`SELECT ${recordColumns} FROM operations.operations WHERE id = $1`, [id]))[0];
}

/** Marks a running one to be cancelled; answers its row. */
export async function requestCancels(unit: Unit, ids: readonly string[]): Promise<OperationRow[]> {
  return unit.query<OperationRow>(
    `UPDATE operations.operations SET cancel_requested = true, status_code = $2, updated_at = clock_timestamp() WHERE id = ANY($1::uuid[]) AND finished_at IS NULL RETURNING ${columns}`,
    [ids, cancelling],
  );
}

/** Those that were to be cancelled and still run. */
export async function listCancelling(reader: Reader): Promise<OperationRow[]> {
  return reader.query<OperationRow>(`SELECT ${columns} FROM operations.operations WHERE cancel_requested AND finished_at IS NULL LIMIT 200`);
}

/** The operation that a call under this claim opened last. */
export async function findOperationOfClaim(reader: Reader, claim: string): Promise<OperationRow | undefined> {
  return (await reader.query<OperationRow>(`SELECT ${columns} FROM operations.operations WHERE claim = $1 ORDER BY operations.created_at DESC LIMIT 1`, [claim]))[0];
}

/** Running ones and those that ended within the last five seconds, which is how long the reference shows them. */
export async function listOperations(reader: Reader, projects: readonly string[] | undefined): Promise<OperationRow[]> {
  return reader.query<OperationRow>(
    `SELECT ${columns} FROM operations.operations
     WHERE (finished_at IS NULL OR finished_at > now() - interval '5 seconds') AND ($1::text[] IS NULL OR project = '' OR project = ANY($1))
     ORDER BY created_at`,
    [projects ?? null],
  );
}

/** Running ones and those that are kept, the latest first; more are seen by asking for a shorter time. */
export async function listRecords(reader: Reader, projects: readonly string[] | undefined, endedSinceMs: number): Promise<OperationRecord[]> {
  return reader.query<OperationRecord>(
    `SELECT ${recordColumns} FROM operations.operations
     WHERE (finished_at IS NULL OR finished_at >= to_timestamp($2::float8 / 1000)) AND ($1::text[] IS NULL OR project = '' OR project = ANY($1))
     ORDER BY operations.created_at DESC LIMIT 10000`,
    [projects ?? null, endedSinceMs],
  );
}

/** Running ones that nobody has touched for a while, for asking their owners. */
export async function listStale(reader: Reader, seconds: number): Promise<OperationRow[]> {
  return reader.query<OperationRow>(
    `SELECT ${columns} FROM operations.operations WHERE finished_at IS NULL AND class <> 'token' AND updated_at < now() - make_interval(secs => $1) LIMIT 200`,
    [seconds],
  );
}

/** What a process has opened and is not told to have ended. */
export async function listUnfinished(reader: Reader, runner: string): Promise<string[]> {
  const rows = await reader.query<{ id: string }>(`SELECT id FROM operations.operations WHERE finished_at IS NULL AND class <> 'token' AND runner = $1 LIMIT 1000`, [runner]);
  return rows.map(({ id }) => id);
}

/** Each project's own retention, or the one for all others; in days. */
export async function forgetOperations(unit: Unit, days: number, ofProjects: Readonly<Record<string, number>>): Promise<void> {
  await unit.query(
    `DELETE FROM operations.operations o WHERE finished_at < now() - make_interval(days => coalesce(($2::jsonb ->> o.project)::int, $1))`,
    [days, JSON.stringify(ofProjects)],
  );
}

/** The journal stays whole from its oldest entry on. */
export async function forgetEvents(unit: Unit, days: number): Promise<void> {
  await unit.query(`DELETE FROM operations.journal WHERE cursor <= (SELECT max(cursor) FROM operations.journal WHERE at < now() - make_interval(days => $1))`, [days]);
}

function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}
