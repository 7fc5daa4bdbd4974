import { Agents, soleMember } from '@asterism/agents';
import { Database, isDivisionByZero, isUniqueViolation, type Unit } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import { EventBusToken, event, type EventBus, type EventOf } from '@asterism/events';
import { Inject, Injectable } from '@nestjs/common';
import { renderOperation, type OperationRow } from './operation.js';
import { closedRow, closeKnown, closeOperations, heldClaims, insertOperations, mergeMetadata, openedRow, removeOperations, requestCancels, type Closing, type NewOperation } from './operation.store.js';

export interface JournalEntry {
  cursor: number;
  type: string;
  project: string;
  json: string;
}

type Change =
  | { kind: 'open'; row: NewOperation; event?: EventOf<'lifecycle'> | undefined }
  | { kind: 'update'; id: string; metadata: Record<string, unknown> }
  | { kind: 'close'; closing: Closing }
  | { kind: 'cancel'; id: string }
  | { kind: 'discard'; id: string }
  | { kind: 'lifecycle'; event: EventOf<'lifecycle'> };

interface Waiting {
  change: Change;
  resolve(row: OperationRow | undefined): void;
  reject(error: unknown): void;
}

interface Draft {
  type: string;
  project: string;
  json: string;
  eventId: string | null;
  claim?: string | undefined;
}

interface Written {
  rows: Map<string, OperationRow>;
  entries: JournalEntry[];
}

const rememberedAtMost = 10_000;

type FinishedListener = (row: OperationRow) => void;

/**
 * The one writer of operations and events: what arrives while a transaction runs commits together in the next one. The
 * cursor row is locked by each transaction, so cursors have no gaps and become visible in order.
 */
@Injectable()
export class Journal {
  readonly #queue: Waiting[] = [];
  readonly #finished = new Map<string, Set<FinishedListener>>();
  /** Rows of what runs, as this process wrote them last. */
  readonly #running = new Map<string, OperationRow>();
  #writing = false;

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(EventBusToken) private readonly bus: EventBus,
    @Inject(Agents) private readonly agents: Agents,
  ) {}

  /** Where happens what has no place of its own: on the host that was alone, or the first member. */
  get home(): string {
    return this.agents.nameOf(soleMember) ?? this.agents.members()[0] ?? soleMember;
  }

  /** Resolves after the commit with the operation's row, if the change found one. */
  write(change: Change): Promise<OperationRow | undefined> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ change, resolve, reject });
      if (!this.#writing) void this.#drain();
    });
  }

  /** Calls back when the operation ends by this process's writing; answers how to stop listening. */
  onFinished(id: string, listener: FinishedListener): () => void {
    const listeners = this.#finished.get(id) ?? new Set();
    this.#finished.set(id, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#finished.get(id) === listeners) this.#finished.delete(id);
    };
  }

  isAwaited(id: string): boolean {
    return this.#finished.has(id);
  }

  /** The operation's row, if it was opened here and nothing is known of its end. */
  running(id: string): OperationRow | undefined {
    return this.#running.get(id);
  }

  /** Another replica has ended it. */
  forget(id: string): void {
    this.#running.delete(id);
  }

  /** For ends that another replica wrote. */
  notifyFinished(row: OperationRow): void {
    this.#running.delete(row.id);
    const listeners = this.#finished.get(row.id) ?? [];
    this.#finished.delete(row.id);
    for (const listener of listeners) listener(row);
  }

  /** The newest cursor, or the given one if what follows it is kept. */
  async locate(cursor?: number): Promise<number> {
    const [row] = await this.database.query<{ newest: string; oldest: string }>(
      `SELECT c.value AS newest, coalesce((SELECT min(cursor) - 1 FROM operations.journal), c.value) AS oldest FROM operations.journal_cursor c`,
    );
    const [newest, oldest] = [Number(row!.newest), Number(row!.oldest)];
    if (cursor === undefined) return newest;
    if (cursor > newest) throw new LxdError('bad-request', `Cursor ${cursor} lies ahead: the newest is ${newest}`);
    if (cursor < oldest) throw new LxdError('gone', `Events after cursor ${cursor} are gone: the oldest cursor available is ${oldest}`);
    return cursor;
  }

  /** Entries after the cursor, in order. Throws when they are older than what is kept. */
  async read(since: number, limit: number): Promise<JournalEntry[]> {
    const rows = await this.database.query<{ cursor: string; type: string; project: string; json: string }>(
      `SELECT cursor, type, project, json FROM operations.journal WHERE cursor > $1 ORDER BY cursor LIMIT $2`,
      [since, limit],
    );
    const entries = rows.map((row) => numbered(Number(row.cursor), row));
    if (entries[0]?.cursor !== since + 1) await this.locate(since);
    return entries;
  }

  async #drain(): Promise<void> {
    this.#writing = true;
    // What one transaction caused arrives in one turn and is written as one.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, 200);
      if (!(await this.#commit(batch))) for (const waiting of batch) await this.#commit([waiting]);
    }
    this.#writing = false;
  }

  /** False when the whole batch failed: it is then tried one by one, so that one bad change does not take the others with it. */
  async #commit(batch: readonly Waiting[]): Promise<boolean> {
    try {
      const { rows, entries } = await this.#transact(batch.map((waiting) => waiting.change));
      for (const waiting of batch) waiting.resolve(rows.get(changedId(waiting.change) ?? ''));
      for (const row of rows.values()) this.#remember(row);
      if (entries.length > 0) void this.bus.publish(event('journal.appended', { cursor: entries.at(-1)!.cursor, entries })).catch(() => undefined);
      return true;
    } catch (error) {
      if (batch.length > 1) return false;
      batch[0]!.reject(error);
      return true;
    }
  }

  #remember(row: OperationRow): void {
    if (row.finished_at) return this.notifyFinished(row);
    this.#running.set(row.id, row);
    if (this.#running.size > rememberedAtMost) this.#running.delete(this.#running.keys().next().value!);
  }

  /**
   * Events that come again and operations that others changed are rare: only when the tables refuse a change because of one, they are looked up.
   * The first refusal may hide another.
   */
  async #transact(changes: readonly Change[]): Promise<Written> {
    let known: ReadonlySet<string> = new Set();
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#write(changes, known);
      } catch (error) {
        if (attempt === 2 || !(isUniqueViolation(error) || isDivisionByZero(error))) throw error;
        if (isUniqueViolation(error)) known = await this.#known(changes);
        else for (const change of changes) if (change.kind === 'close') this.#running.delete(change.closing.id);
      }
    }
  }

  async #write(changes: readonly Change[], known: ReadonlySet<string>): Promise<Written> {
    const { rows, appended } = await this.database.transact((unit) => this.#apply(unit, changes, known));
    return { rows, entries: await appended };
  }

  async #apply(unit: Unit, changes: readonly Change[], known: ReadonlySet<string>): Promise<{ rows: Map<string, OperationRow>; appended: Promise<JournalEntry[]> }> {
    const rows = new Map<string, OperationRow>();
    const drafts: Draft[] = [];
    const opened = changes.flatMap((change) => (change.kind === 'open' ? [openedRow(change.row)] : []));
    await requireHeld(unit, opened);
    if (opened.length > 0) insertOperations(unit, opened);
    for (const row of opened) {
      rows.set(row.id, row);
      drafts.push(operationEvent({ ...row, status_code: 105 }), operationEvent(row));
    }
    const updates = changes.flatMap((change) => (change.kind === 'update' ? [{ id: change.id, metadata: change.metadata }] : []));
    for (const merged of latestPerId(updates)) {
      for (const row of await mergeMetadata(unit, [merged])) {
        rows.set(row.id, row);
        drafts.push(operationEvent(row));
      }
    }
    const cancelled = changes.flatMap((change) => (change.kind === 'cancel' ? [change.id] : []));
    if (cancelled.length > 0) {
      for (const row of await requestCancels(unit, cancelled)) {
        rows.set(row.id, row);
        drafts.push(operationEvent(row));
      }
    }
    const seen = new Set(known);
    for (const change of changes) {
      if (!('event' in change) || !change.event || seen.has(change.event.id)) continue;
      seen.add(change.event.id);
      drafts.push(lifecycleEvent(change.event, this.home));
    }
    const closings = changes.flatMap((change) => (change.kind === 'close' ? [change.closing] : []));
    const ended = closings.flatMap((closing) => {
      const seen = rows.has(closing.id) ? undefined : this.#running.get(closing.id);
      return seen ? [{ seen, closed: closedRow(seen, closing), steps: closing.steps }] : [];
    });
    for (const end of ended) closeKnown(unit, end);
    const others = closings.filter(({ id }) => !ended.some(({ seen }) => seen.id === id));
    for (const row of [...ended.map(({ closed }) => closed), ...(others.length > 0 ? await closeOperations(unit, others) : [])]) {
      rows.set(row.id, row);
      drafts.push(operationEvent(row));
    }
    const discarded = changes.flatMap((change) => (change.kind === 'discard' ? [change.id] : []));
    if (discarded.length > 0) {
      for (const id of discarded) this.#running.delete(id);
      for (const row of await removeOperations(unit, discarded)) drafts.push(operationEvent({ ...row, status_code: 401 }));
    }
    return { rows, appended: append(unit, drafts) };
  }

  async #known(changes: readonly Change[]): Promise<Set<string>> {
    const ids = changes.flatMap((change) => ('event' in change && change.event ? [change.event.id] : []));
    const rows = await this.database.query<{ event_id: string }>(`SELECT event_id FROM operations.journal WHERE event_id = ANY($1::uuid[])`, [ids]);
    return new Set(rows.map((row) => row.event_id));
  }
}

/**
 * One statement: the cursor's row is locked and the entries take the next numbers. Not awaited before the commit. The entries come as one JSON
 * value: the length of arrays makes PostgreSQL plan the statement anew each time, which takes longer than running it.
 */
function append(unit: Unit, drafts: readonly Draft[]): Promise<JournalEntry[]> {
  if (drafts.length === 0) return Promise.resolve([]);
  const rows = drafts.map(({ type, project, json, eventId, claim }, index) => ({ offset: index + 1, event_id: eventId, type, project, json, claim }));
  const written = unit.query<{ cursor: string }>(
    `WITH next AS (UPDATE operations.journal_cursor SET value = value + $2::int RETURNING value)
     INSERT INTO operations.journal (cursor, event_id, type, project, json, claim, at)
     SELECT next.value - $2::int + "offset", event_id, type, project, json, claim, now()
     FROM next, jsonb_to_recordset($1::jsonb) AS d("offset" int, event_id uuid, type text, project text, json text, claim uuid)
     RETURNING cursor`,
    [JSON.stringify(rows), drafts.length],
  );
  const entries = written.then((rows) => {
    const first = Math.min(...rows.map((row) => Number(row.cursor)));
    return drafts.map((draft, index) => numbered(first + index, draft));
  });
  entries.catch(() => undefined);
  return entries;
}

/** An entry as it leaves the journal: the event says its cursor itself. */
function numbered(cursor: number, { type, project, json }: Pick<JournalEntry, 'type' | 'project' | 'json'>): JournalEntry {
  return { cursor, type, project, json: `${json.slice(0, -1)},"cursor":${cursor}}` };
}

function operationEvent(row: OperationRow): Draft {
  const json = JSON.stringify({
    type: 'operation',
    timestamp: new Date().toISOString(),
    metadata: renderOperation(row),
    location: row.location || 'none',
    project: row.project || undefined,
  });
  return { type: 'operation', project: row.project, json, eventId: null };
}

function lifecycleEvent({ id, at, payload, claim }: EventOf<'lifecycle'>, home: string): Draft {
  const json = JSON.stringify({
    type: 'lifecycle',
    timestamp: new Date(at).toISOString(),
    metadata: { action: payload.action, source: payload.source, context: payload.context, requestor: payload.requestor },
    location: payload.location ?? home,
    project: payload.project || undefined,
  });
  return { type: 'lifecycle', project: payload.project, json, eventId: id, claim };
}

/** A gateway that was killed may have left a call on its way: it opens nothing once its request runs again. */
async function requireHeld(unit: Unit, opened: readonly NewOperation[]): Promise<void> {
  const claims = opened.flatMap(({ claim }) => (claim === null ? [] : [claim]));
  if (claims.length === 0) return;
  const held = await heldClaims(unit, claims);
  if (claims.some((claim) => !held.includes(claim))) throw new LxdError('conflict', 'The request of this call was sent again and runs elsewhere');
}

function latestPerId(updates: readonly { id: string; metadata: Record<string, unknown> }[]): { id: string; metadata: Record<string, unknown> }[] {
  const merged = new Map<string, Record<string, unknown>>();
  for (const { id, metadata } of updates) merged.set(id, { ...merged.get(id), ...metadata });
  return [...merged].map(([id, metadata]) => ({ id, metadata }));
}

function changedId(change: Change): string | undefined {
  if (change.kind === 'open') return change.row.id;
  if (change.kind === 'close') return change.closing.id;
  return change.kind === 'lifecycle' ? undefined : change.id;
}
