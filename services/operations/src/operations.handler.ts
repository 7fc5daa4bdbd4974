import { Database } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import { EventBusToken, type EventBus, type EventOf } from '@asterism/events';
import { operations as proto, type common, type Operations } from '@asterism/proto';
import { systemCall, traceIdOf, type CallContext } from '@asterism/rpc';
import { TaskOwners } from '@asterism/service';
import { Inject, Injectable } from '@nestjs/common';
import { followJournal, isWanted } from './follow.js';
import { Journal } from './journal.js';
import { Cancelling } from './cancelling.js';
import { Interrupted } from './interrupted.js';
import { groupByStatus, operationUrl, renderOperation, renderRecord, running, type OperationRow } from './operation.js';
import { findOperation, findRecord, listOperations, listRecords, listUnfinished } from './operation.store.js';

const classes: Record<proto.OperationClass, OperationRow['class']> = {
  [proto.OperationClass.TASK]: 'task',
  [proto.OperationClass.WEBSOCKET]: 'websocket',
  [proto.OperationClass.TOKEN]: 'token',
  [proto.OperationClass.UNRECOGNIZED]: 'task',
};

@Injectable()
export class OperationsHandler implements Operations {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(Journal) private readonly journal: Journal,
    @Inject(TaskOwners) private readonly owners: TaskOwners,
    @Inject(EventBusToken) private readonly bus: EventBus,
    @Inject(Cancelling) private readonly cancelling: Cancelling,
    @Inject(Interrupted) private readonly interrupted: Interrupted,
  ) {}

  async open(call: CallContext, request: proto.OpenOperation): Promise<common.OperationAnswer> {
    const row = await this.journal.write({
      kind: 'open',
      event: request.event && (JSON.parse(request.event.toString()) as EventOf<'lifecycle'>),
      row: {
        id: request.id,
        class: classes[request.class],
        description: request.description,
        project: request.project,
        location: request.location || this.journal.home,
        owner: request.owner,
        resources: Object.fromEntries(Object.entries(request.resources).map(([kind, { urls }]) => [kind, urls])),
        metadata: parseMetadata(request.metadata),
        may_cancel: request.may_cancel,
        status_code: running,
        requestor: call.requestor ?? null,
        request_id: call.requestId,
        trace_id: traceIdOf(call.traceparent) ?? '',
        claim: call.claim ?? null,
        runner: request.runner ?? '',
      },
    });
    return { id: request.id, json: json(renderOperation(row!)) };
  }

  async discard(_call: CallContext, request: proto.OperationRef): Promise<common.Empty> {
    await this.journal.write({ kind: 'discard', id: request.id });
    return {};
  }

  async update(_call: CallContext, request: proto.UpdateOperation): Promise<common.Empty> {
    await this.journal.write({ kind: 'update', id: request.id, metadata: parseMetadata(request.metadata) ?? {} });
    return {};
  }

  async close(_call: CallContext, request: proto.CloseOperation): Promise<common.Empty> {
    const { id, status_code, error } = request;
    const steps = request.steps.length === 0 ? [] : (JSON.parse(Buffer.from(request.steps).toString()) as object[]);
    await this.journal.write({ kind: 'close', closing: { id, status_code, err: error, metadata: parseMetadata(request.metadata) ?? {}, steps } });
    return {};
  }

  async unfinished(_call: CallContext, { runner }: proto.Runner): Promise<proto.OperationIds> {
    return { ids: await listUnfinished(this.database, runner) };
  }

  async interrupt(_call: CallContext, { ids }: proto.OperationIds): Promise<common.Empty> {
    await this.interrupted.end(ids);
    return {};
  }

  async get(_call: CallContext, request: proto.OperationRef): Promise<common.Document> {
    return document(renderOperation(await this.#find(request.id, request.visible_projects)));
  }

  async getRecord(_call: CallContext, request: proto.OperationRef): Promise<common.Document> {
    const record = await findRecord(this.database, request.id);
    if (!record || !isVisible(record, request.visible_projects)) throw new LxdError('not-found', 'Operation not found');
    return document(renderRecord(record.finished_at ? record : { ...record, steps: await this.#stepsSoFar(record) }));
  }

  async list(_call: CallContext, request: proto.ListOperations): Promise<common.Document> {
    const visible = request.visible_projects;
    const wanted = request.all_projects ? (visible.length > 0 ? visible : undefined) : [request.project || 'default'];
    if (request.ended_since_ms === undefined) {
      const rows = (await listOperations(this.database, wanted)).filter((row) => isVisible(row, visible));
      return document(groupByStatus(rows, request.recursion > 0 ? renderOperation : operationUrl));
    }
    const records = (await listRecords(this.database, wanted, request.ended_since_ms)).filter((row) => isVisible(row, visible));
    return document(groupByStatus(records, request.recursion > 0 ? renderRecord : operationUrl));
  }

  async wait(call: CallContext, request: proto.WaitOperation): Promise<common.Document> {
    let wake!: (row?: OperationRow) => void;
    const ended = new Promise<OperationRow | undefined>((resolve) => (wake = resolve));
    // Listening begins before looking, so that no end falls between the two.
    const stop = this.journal.onFinished(request.id, wake);
    let timer: NodeJS.Timeout | undefined;
    try {
      const row = await this.#waitable(request);
      if (row.finished_at) return document(renderOperation(row));
      if (request.timeout_s >= 0) timer = setTimeout(wake, request.timeout_s * 1000);
      call.signal?.addEventListener('abort', () => wake(), { once: true });
      return document(renderOperation((await ended) ?? (await this.#find(request.id, request.visible_projects))));
    } finally {
      stop();
      clearTimeout(timer);
    }
  }

  async cancel(call: CallContext, request: proto.OperationRef): Promise<common.Empty> {
    const row = await this.#find(request.id, request.visible_projects);
    if (row.finished_at) throw new LxdError('bad-request', 'Only running operations can be cancelled');
    if (!row.may_cancel) throw new LxdError('bad-request', "This operation can't be cancelled");
    if (row.class === 'task') await this.cancelling.begin(call, row);
    else await this.journal.write({ kind: 'close', closing: { id: row.id, status_code: 401, err: '', metadata: {} } });
    return {};
  }

  follow(call: CallContext, request: proto.FollowJournal): AsyncIterable<proto.JournalEntry> {
    return followJournal({ journal: this.journal, bus: this.bus, request, signal: call.signal });
  }

  async locate(_call: CallContext, { cursor }: proto.JournalPosition): Promise<proto.JournalPosition> {
    return { cursor: await this.journal.locate(cursor) };
  }

  async read(_call: CallContext, { wish, limit }: proto.ReadJournal): Promise<common.Document> {
    const found: string[] = [];
    let cursor = await this.journal.locate(wish!.since);
    for (let entries = await this.journal.read(cursor, limit); entries.length > 0 && found.length < limit; entries = await this.journal.read(cursor, limit)) {
      found.push(...entries.filter((entry) => isWanted(entry, wish!)).map((entry) => entry.json));
      cursor = entries.at(-1)!.cursor;
    }
    return { json: Buffer.from(`[${found.slice(0, limit).join(',')}]`), etag: '' };
  }

  /** Whoever runs it knows them; when it is away, nobody does. */
  async #stepsSoFar({ owner, id }: OperationRow): Promise<unknown[]> {
    const presence = await this.owners.of(owner)?.has(systemCall({ timeoutMs: 2_000 }), { id, claim: '' }).catch(() => undefined);
    return presence ? (JSON.parse(Buffer.from(presence.steps).toString()) as unknown[]) : [];
  }

  async #waitable(request: proto.WaitOperation): Promise<OperationRow> {
    const row = await this.#find(request.id, request.visible_projects, this.journal.running(request.id));
    if (request.secret !== '' && row.metadata?.['secret'] !== request.secret) throw new LxdError('forbidden', 'not authorized');
    return row;
  }

  async #find(id: string, visible: readonly string[] = [], known?: OperationRow): Promise<OperationRow> {
    const row = known ?? (await findOperation(this.database, id));
    if (!row || !isVisible(row, visible)) throw new LxdError('not-found', 'Operation not found');
    return row;
  }
}

/** Operations of no project may hold secrets (tokens of certificates): a caller bound to projects does not see them. */
function isVisible(row: OperationRow, visible: readonly string[]): boolean {
  return visible.length === 0 || visible.includes(row.project);
}

function parseMetadata(bytes: Uint8Array): Record<string, unknown> | null {
  return bytes.length === 0 ? null : (JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown>);
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function document(value: unknown): common.Document {
  return { json: json(value), etag: '' };
}
