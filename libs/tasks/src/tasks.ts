import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isConnectionLoss, isUniqueViolation, type Database, type Unit } from '@asterism/database';
import { LxdError, isKind } from '@asterism/errors';
import type { AsterismEvent } from '@asterism/events';
import { operations as operationsProto, type Operations, type common, type taskOwner } from '@asterism/proto';
import { systemCall, type CallContext, type Service } from '@asterism/rpc';
import type { OperationSpec, TaskDefinition } from './definition.js';
import { FailPoints, point } from './fail-points.js';
import { RunningTask } from './running-task.js';
import { TaskStore, type TaskRow } from './task.store.js';
import { UnrecordedTasks, unrecordedSteps } from './unrecorded-tasks.js';

export interface TasksOptions {
  database: Database;
  operations: Operations;
  /** The service's name, as operations knows the owner of a task. */
  service: string;
  /** Who holds the leases: the same after a restart where only one such process can exist, else unique. */
  owner: string;
  /** Directory of fail points; undefined but in tests. */
  failPoints?: string | undefined;
}

/** Writes the rows of what was accepted, in the transaction that stores the task. */
type Accept = (unit: Unit, id: string) => Promise<void>;

/** The public side of what is about to be accepted; the event tells of it. */
interface Opening {
  id: string;
  operation: OperationSpec;
  event?: AsterismEvent;
}

type AnyDefinition = TaskDefinition<unknown, object>;

const renewMs = 5_000;
const discardAttempts = 120;
const discardAgainMs = 500;
const settleAttempts = 60;
const settleAgainMs = 500;
const settleTimeoutMs = 30_000;
const noSteps = Buffer.from('[]');

/** The durable tasks of one service: opens them, runs them, takes over those of processes that died. */
export class Tasks implements Service<typeof taskOwner.TaskOwnerDefinition> {
  readonly #definitions = new Map<string, AnyDefinition>();
  readonly #running = new Map<string, RunningTask>();
  /** What ended here while the database was asked what was left: begun after the question, it may be in the answer. */
  readonly #endedMeanwhile = new Set<string>();
  /** Operations that are being opened here, until their work is accepted or refused. */
  readonly #opening = new Set<string>();
  readonly #store: TaskStore;
  readonly #failPoints: FailPoints | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(private readonly options: TasksOptions) {
    this.#store = unrecordedSteps() ? new UnrecordedTasks(options.database, options.owner) : new TaskStore(options.database, options.owner);
    if (options.failPoints) this.#failPoints = new FailPoints(options.failPoints);
  }

  /** Makes a kind known, so that it can be taken over after a crash. Call in a constructor, before resume(). */
  register<I, S extends object>(definition: TaskDefinition<I, S>): void {
    this.#definitions.set(definition.kind, definition as unknown as AnyDefinition);
    this.#failPoints?.describe(definition);
  }

  /**
   * Opens the public operation, commits the task together with the rows that `accept` writes, and lets it run. When
   * `accept` throws, the operation vanishes and the error is the caller's.
   */
  async open<I, S extends object>(
    call: CallContext,
    definition: TaskDefinition<I, S>,
    task: { input: I; operation: OperationSpec; id?: string },
    accept: Accept = async () => undefined,
  ): Promise<common.OperationAnswer> {
    if (!this.#definitions.has(definition.kind)) this.register(definition);
    const { operation, id = randomUUID() } = task;
    return this.#opened(call, { id, operation }, () => this.#accept(claimless(call), id, definition, task.input, accept));
  }

  /**
   * Opens the public operation of work that is mostly over at once, begins it with `start` and follows it: its row is written when it goes on for
   * longer than a moment. What a crash cuts off before that ends as interrupted when this process is back.
   * @param task.event tells of it, and is committed with the opening.
   */
  async follow<I, S extends object>(
    call: CallContext,
    definition: TaskDefinition<I, S>,
    task: { id: string; input: I; operation: OperationSpec; event: AsterismEvent },
    start: () => Promise<unknown>,
  ): Promise<common.OperationAnswer> {
    if (!this.#definitions.has(definition.kind)) this.register(definition);
    const { id, input, operation, event } = task;
    if (this.#closed) throw closing();
    return this.#opened(call, { id, operation, event }, async () => {
      await start();
      this.#failPoints?.reach(definition.kind, point.accepted);
      this.#run(newRow(claimless(call), id, definition, input), { isKept: false });
    });
  }

  async #opened(call: CallContext, opening: Opening, accept: () => Promise<unknown>): Promise<common.OperationAnswer> {
    this.#opening.add(opening.id);
    try {
      return await this.#openAndAccept(call, opening, accept);
    } finally {
      this.#opening.delete(opening.id);
    }
  }

  async #openAndAccept(call: CallContext, opening: Opening, accept: () => Promise<unknown>): Promise<common.OperationAnswer> {
    const { id } = opening;
    const answer = await this.#openPublic(call, opening).catch((error: unknown) => {
      // It may have been opened though nobody answered.
      if (isKind(error, 'unavailable') || isKind(error, 'timeout')) void this.#discard(call, id, true);
      throw error;
    });
    try {
      await accept();
    } catch (error) {
      const discarded = this.#discard(call, id, isConnectionLoss(error));
      if (!isConnectionLoss(error)) await discarded;
      throw error;
    }
    return answer;
  }

  #openPublic(call: CallContext, { id, operation, event }: Opening): Promise<common.OperationAnswer> {
    return this.options.operations.open(call, {
      id,
      class: operation.websocket ? operationsProto.OperationClass.WEBSOCKET : operationsProto.OperationClass.TASK,
      description: operation.description,
      project: operation.project,
      resources: Object.fromEntries(Object.entries(operation.resources).map(([kind, urls]) => [kind, { urls }])),
      metadata: Buffer.from(operation.metadata ? JSON.stringify(operation.metadata) : ''),
      may_cancel: operation.mayCancel ?? false,
      owner: this.options.service,
      runner: this.options.owner,
      location: operation.location ?? '',
      event: event && Buffer.from(JSON.stringify(event)),
    });
  }

  /** What this process had opened and not accepted when it was killed is nobody's: it has ended, and whoever waits need not wait for a sweep to find it. */
  async #endInterrupted(): Promise<void> {
    for (let attempt = 0; attempt < settleAttempts && !this.#closed; attempt++) {
      if (attempt > 0) await sleep(settleAgainMs, undefined, { ref: false });
      try {
        const { ids } = await this.options.operations.unfinished(systemCall({ timeoutMs: settleTimeoutMs }), { runner: this.options.owner });
        const known = await Promise.all(ids.map(async (id) => (await this.disown(systemCall(), { id, claim: '' })).known));
        const interrupted = ids.filter((_, index) => !known[index]);
        if (interrupted.length > 0) await this.options.operations.interrupt(systemCall({ timeoutMs: settleTimeoutMs }), { ids: interrupted });
        return;
      } catch (error) {
        if (!isKind(error, 'unavailable') && !isKind(error, 'timeout') && !isConnectionLoss(error)) return; // the sweep of operations ends them
      }
    }
  }

  /** Takes the operation of what was not accepted away. Whether a commit was heard that nobody answered is asked when the database is back. */
  async #discard(call: CallContext, id: string, unsure: boolean): Promise<void> {
    const { deadline: _deadline, signal: _signal, ...later } = call;
    for (let attempt = 0; attempt < discardAttempts && !this.#closed; attempt++) {
      if (attempt > 0) await sleep(discardAgainMs, undefined, { ref: false });
      try {
        if (unsure && (await this.#store.has(id))) return;
        return void (await this.options.operations.discard(later, { id, secret: '', visible_projects: [] }));
      } catch {
        if (!unsure) return; // the sweep of operations ends it
      }
    }
  }

  /** Runs a task without a public operation, e.g. housekeeping; resolves once it is accepted. */
  async enqueue<I, S extends object>(call: CallContext, definition: TaskDefinition<I, S>, input: I, accept: Accept = async () => undefined): Promise<void> {
    await this.#accept(claimless(call), randomUUID(), definition, input, accept);
  }

  /** Begins a task without a public operation with the commit of a transaction: what it is to do is owed from then on. Answers its id. */
  enlist<I, S extends object>(unit: Unit, call: CallContext, definition: TaskDefinition<I, S>, input: I): string {
    const row = newRow(claimless(call), randomUUID(), definition, input);
    this.#store.insert(unit, row);
    unit.afterCommit(() => void (this.#closed || this.#run(row)));
    return row.id;
  }

  /** Runs a task without a public operation and waits for its end; throws what it failed with. */
  async perform<I, S extends object>(call: CallContext, definition: TaskDefinition<I, S>, input: I, accept: Accept = async () => undefined): Promise<void> {
    const task = await this.#accept(call, randomUUID(), definition, input, accept);
    await task?.outcome;
  }

  /** Takes over what was left running, and keeps leases alive from now on. */
  async resume(): Promise<void> {
    await this.#takeOver();
    void this.#endInterrupted();
    this.#timer = setInterval(() => void this.#keepAlive().catch(() => undefined), renewMs);
    this.#timer.unref();
  }

  async has(_call: CallContext, request: taskOwner.TaskRef): Promise<taskOwner.TaskPresence> {
    if (request.claim !== '') return { known: await this.#store.hasClaim(request.claim), steps: noSteps };
    const running = this.#running.get(request.id);
    return running ? { known: true, steps: Buffer.from(running.steps) } : { known: await this.#store.has(request.id), steps: noSteps };
  }

  async disown(call: CallContext, request: taskOwner.TaskRef): Promise<taskOwner.TaskPresence> {
    if (this.#opening.has(request.id)) return { known: true, steps: noSteps };
    if (this.#running.has(request.id)) return this.has(call, request);
    return { known: await this.#store.disown(request.id), steps: noSteps };
  }

  async cancel(_call: CallContext, request: taskOwner.TaskRef): Promise<common.Empty> {
    await this.#store.requestCancel(request.id);
    this.#running.get(request.id)?.cancel();
    return {};
  }

  /** Resolves when nothing runs here any more. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all([...this.#running.values()].map((task) => task.done));
  }

  /** Stops between steps; what is unfinished is taken over by the next process. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await Promise.all([...this.#running.values()].map((task) => task.suspend()));
  }

  async #accept<I, S extends object>(
    call: CallContext,
    id: string,
    definition: TaskDefinition<I, S>,
    input: I,
    accept: Accept,
  ): Promise<RunningTask | undefined> {
    if (this.#closed) throw closing();
    const row = newRow(call, id, definition, input);
    await this.options.database.transact(async (unit) => {
      this.#store.insert(unit, row);
      await accept(unit, id);
    }).catch((error: unknown) => {
      throw isUniqueViolation(error, 'tasks_pkey') ? new LxdError('unavailable', 'Operation was interrupted') : error;
    });
    this.#failPoints?.reach(row.kind, point.accepted);
    return this.#run(row);
  }

  async #keepAlive(): Promise<void> {
    const ids = [...this.#running.keys()];
    const cancelled = ids.length > 0 ? await this.#store.renew(ids) : [];
    for (const id of cancelled) this.#running.get(id)?.cancel();
    await this.#takeOver();
  }

  async #takeOver(): Promise<void> {
    if (this.#closed) return;
    this.#endedMeanwhile.clear();
    const left = await this.#store.claim([...this.#running.keys()], [...this.#definitions.keys()], performance.now());
    for (const row of left) if (!this.#endedMeanwhile.has(row.id)) this.#run(row);
  }

  #run(row: TaskRow, { isKept } = { isKept: true }): RunningTask | undefined {
    const definition = this.#definitions.get(row.kind);
    if (!definition || this.#running.has(row.id)) return this.#running.get(row.id);
    const task = new RunningTask({ row, isKept, definition, store: this.#store, database: this.options.database, operations: this.options.operations, failPoints: this.#failPoints });
    this.#running.set(row.id, task);
    void task.run().finally(() => {
      this.#running.delete(row.id);
      this.#endedMeanwhile.add(row.id);
    });
    return task;
  }
}

function newRow<I, S extends object>(call: CallContext, id: string, definition: TaskDefinition<I, S>, input: I): TaskRow {
  const { deadline: _deadline, signal: _signal, ...kept } = call;
  return {
    id,
    kind: definition.kind,
    call: JSON.stringify(kept),
    input: JSON.stringify(input),
    state: JSON.stringify(definition.initial(input)),
    cursor: 0,
    phase: 'run',
    cancel_requested: false,
    error: null,
    error_kind: null,
    steps: '[]',
  };
}

function closing(): LxdError {
  return new LxdError('unavailable', 'LXD is shutting down');
}

/** The claim of an Idempotency-Key ends with the call: what goes on behind an operation is found by the operation. */
function claimless({ claim: _claim, ...call }: CallContext): CallContext {
  return call;
}
