import { setTimeout as sleep } from 'node:timers/promises';
import { isConnectionLoss, isDivisionByZero, type Database } from '@asterism/database';
import { LxdError, errorKinds, fromUnknown, isKind } from '@asterism/errors';
import { event } from '@asterism/events';
import type { Operations } from '@asterism/proto';
import { onBehalfOf, watched, type CallContext } from '@asterism/rpc';
import type { Step, StepContext, TaskDefinition } from './definition.js';
import { point, type FailPoints } from './fail-points.js';
import type { TaskRow, TaskStore } from './task.store.js';

interface Options {
  row: TaskRow;
  /** Whether the row is in the table; else it is written once the task has gone on for a moment. */
  isKept: boolean;
  definition: TaskDefinition<unknown, object>;
  store: TaskStore;
  database: Database;
  operations: Operations;
  failPoints: FailPoints | undefined;
}

/** Waits before a step is tried again that failed because somebody was away. */
const retryDelaysMs = [100, 300, 1_000, 2_000, 4_000, 8_000];

/** What is to be taken back waits for whoever has it: given up, it would be left over. */
const undoPatienceMs = 60 * 60_000;

/** How long a task runs before its row is written, where that is left until then. */
const briefMs = 20;

/** The work went to another process, or this one is closing: stop without a trace. */
class Suspended extends Error {}

/** When one step ran, or was undone; in ISO 8601. */
interface StepTime {
  name: string;
  undo?: true;
  started_at: string;
  finished_at?: string;
  error?: string;
}

/** One task on its way: the only place that moves a cursor. */
export class RunningTask {
  readonly #abort = new AbortController();
  readonly #context: StepContext<unknown, object>;
  readonly #metadata: Record<string, unknown> = {};
  readonly #steps: StepTime[];
  readonly #outcome = Promise.withResolvers<void>();
  #suspended = false;
  #step: Step<unknown, object> | undefined;
  #done: Promise<void> = Promise.resolve();
  #keeping: Promise<void> | undefined;

  constructor(private readonly options: Options) {
    const { row, database, operations } = options;
    const call: CallContext = { ...(JSON.parse(row.call) as CallContext), operation: row.id };
    const state = JSON.parse(row.state) as object;
    this.#steps = JSON.parse(row.steps) as StepTime[];
    this.#context = {
      id: row.id,
      call,
      input: JSON.parse(row.input),
      state,
      signal: this.#abort.signal,
      result: (metadata) => Object.assign(this.#metadata, metadata),
      transact: (work) => database.transact(work),
      progress: (metadata) => void operations.update(call, { id: row.id, metadata: Buffer.from(JSON.stringify(metadata)) }).catch(() => undefined),
    };
    this.#outcome.promise.catch(() => undefined);
    if (row.cancel_requested) this.cancel();
  }

  /** Resolves when it runs here no more, however it ended. */
  get done(): Promise<void> {
    return this.#done;
  }

  /** Resolves when the task has succeeded; rejects with its error, or "unavailable" where another process goes on with it. */
  get outcome(): Promise<void> {
    return this.#outcome.promise;
  }

  /** JSON of the steps begun so far. */
  get steps(): string {
    return JSON.stringify(this.#steps);
  }

  cancel(): void {
    this.#abort.abort(new LxdError('cancelled', 'cancelled'));
  }

  /** Lets the current step end and leaves the rest to whoever resumes. */
  async suspend(): Promise<void> {
    this.#suspended = true;
    await this.#keep().catch(() => undefined);
    if (this.#step?.onlyWaits) return;
    await Promise.race([this.#done, sleep(5_000, undefined, { ref: false })]);
  }

  run(): Promise<void> {
    this.#done = onBehalfOf(this.#context.call, () => this.#runToEnd()).catch((error: unknown) => {
      this.#outcome.reject(new LxdError('unavailable', 'The work goes on elsewhere', { cause: error }));
      if (!(error instanceof Suspended)) process.stderr.write(`task ${this.options.row.kind} ${this.options.row.id}: ${fromUnknown(error).stack}\n`);
    });
    return this.#done;
  }

  async #runToEnd(): Promise<void> {
    const { row } = this.options;
    const keeping = this.options.isKept ? undefined : setTimeout(() => void this.#keep().catch(() => undefined), briefMs);
    try {
      await this.#forwardOrBack(row);
    } finally {
      clearTimeout(keeping);
    }
  }

  async #forwardOrBack(row: TaskRow): Promise<void> {
    if (row.phase === 'run') {
      try {
        await this.#forward();
        this.#reach(point.beforeEnd);
        await this.#conclude();
        this.#reach(point.afterEnd);
        return this.#outcome.resolve();
      } catch (error) {
        if (error instanceof Suspended) throw error;
        // A step that was cancelled in its middle fails with whatever it was at.
        const { signal } = this.#abort;
        const { kind, message } = fromUnknown(signal.aborted ? signal.reason : error);
        Object.assign(row, { phase: 'undo', error: message, error_kind: kind });
        await this.#save();
      }
    }
    await this.#backward();
    this.#reach(point.beforeFailure);
    await this.#abandon();
    this.#reach(point.afterFailure);
  }

  async #forward(): Promise<void> {
    const { row, definition } = this.options;
    let unsaved = false;
    for (let index = row.cursor; index < definition.steps.length; index++) {
      const step = definition.steps[index]!;
      if (step.applies && !(await step.applies(this.#context))) continue;
      if (this.#suspended) throw new Suspended();
      this.#abort.signal.throwIfAborted();
      if (unsaved) await this.#save(index);
      row.cursor = index;
      this.#step = step;
      this.#reach(point.before(step.name));
      await this.#timed({ name: step.name, started_at: now() }, (context) => this.#patiently(() => step.run(context)));
      this.#reach(point.after(step.name));
      unsaved = true;
    }
  }

  async #backward(): Promise<void> {
    const { row, definition } = this.options;
    for (let index = Math.min(row.cursor, definition.steps.length - 1); index >= 0; index--) {
      if (this.#suspended) throw new Suspended();
      const step = definition.steps[index]!;
      try {
        const applies = !step.applies || (await step.applies(this.#context));
        if (step.undo && applies) {
          this.#reach(point.beforeUndo(step.name));
          await this.#timed({ name: step.name, undo: true, started_at: now() }, (context) => this.#patiently(() => step.undo!(context), undoPatienceMs));
          this.#reach(point.afterUndo(step.name));
        }
      } catch (error) {
        if (error instanceof Suspended) throw error;
        row.error = `${row.error ?? ''} (undoing "${step.name}": ${fromUnknown(error).message})`;
      }
      await this.#save(Math.max(0, index - 1));
    }
  }

  #reach(name: string): void {
    this.options.failPoints?.reach(this.options.row.kind, name);
  }

  async #timed(time: StepTime, work: (context: StepContext<unknown, object>) => Promise<void>): Promise<void> {
    this.#steps.push(time);
    const name = `${this.options.row.kind}: ${time.undo ? 'undo ' : ''}${time.name}`;
    try {
      await watched({ kind: 'step', name }, this.#context.call, (call) =>
        call === this.#context.call ? work(this.#context) : onBehalfOf(call, () => work({ ...this.#context, call })),
      );
    } catch (error) {
      time.error = fromUnknown(error).message;
      throw error;
    } finally {
      time.finished_at = now();
    }
  }

  async #conclude(): Promise<void> {
    const { definition, database, row } = this.options;
    if (!definition.conclude && (await this.#closedAtOnce())) return;
    await this.#persistently(() => this.#keep());
    await this.#finally(() =>
      database.transact(async (unit) => {
        this.options.store.remove(unit, row.id);
        await definition.conclude?.(unit, this.#context);
        unit.emit(event('operation.closed', { id: row.id, status_code: 200, error: '', metadata: this.#metadata, steps: this.#steps }));
      }),
    );
  }

  /**
   * Where nothing of ours is to be committed with the end, the operation's own commit is the end, and the task's row goes after it: whoever finds
   * that row after a crash closes an operation that is closed. False when it must be left to the outbox.
   */
  async #closedAtOnce(): Promise<boolean> {
    const { database, operations, row, store } = this.options;
    const end = { id: row.id, status_code: 200, error: '', metadata: Buffer.from(JSON.stringify(this.#metadata)), steps: Buffer.from(this.steps) };
    const closed = await operations.close(this.#context.call, end).then(() => true, () => false);
    if (closed) this.#reach(point.closed);
    if (closed && (this.options.isKept || (await this.#kept()))) await this.#finally(() => database.transact((unit) => store.remove(unit, row.id), { relaxed: true }));
    return closed;
  }

  /** Writes the row of a task that was begun without. */
  async #keep(): Promise<void> {
    if (this.options.isKept) return;
    const { database, store, row } = this.options;
    this.#keeping ??= database.transact((unit) => store.insert(unit, row)).catch((error: unknown) => {
      this.#keeping = undefined;
      throw error;
    });
    await this.#keeping;
  }

  /** Whether it was written since, or is being written. */
  async #kept(): Promise<boolean> {
    return this.#keeping !== undefined && (await this.#keeping.then(() => true, () => false));
  }

  async #abandon(): Promise<void> {
    const { definition, database, row } = this.options;
    const kind = errorKinds.find((candidate) => candidate === row.error_kind) ?? 'internal';
    const error = new LxdError(kind, row.error ?? 'unknown error');
    const code = kind === 'cancelled' ? 401 : 400;
    await this.#finally(() =>
      database.transact(async (unit) => {
        this.options.store.remove(unit, row.id);
        await definition.abandon?.(unit, this.#context, error);
        unit.emit(event('operation.closed', { id: row.id, status_code: code, error: error.message, metadata: this.#metadata, steps: this.#steps }));
      }),
    );
    this.#outcome.reject(error);
  }

  async #save(cursor = this.options.row.cursor): Promise<void> {
    const { row, store } = this.options;
    await this.#persistently(() => this.#keep());
    const position = { state: JSON.stringify(this.#context.state), cursor, phase: row.phase, error: row.error, error_kind: row.error_kind, steps: this.steps };
    const mine = await this.#persistently(() => store.save(row.id, position));
    if (!mine) throw new Suspended();
  }

  /** The last transaction, unless another process has the task by now. */
  async #finally(work: () => Promise<void>): Promise<void> {
    try {
      await this.#persistently(work);
    } catch (error) {
      throw isDivisionByZero(error) ? new Suspended() : error;
    }
  }

  /** A service or agent that is away may be back in a moment. */
  async #patiently(work: () => Promise<void>, patienceMs = 0): Promise<void> {
    const deadline = performance.now() + patienceMs;
    for (let attempt = 0; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        const last = attempt >= retryDelaysMs.length && performance.now() > deadline;
        if (last || !(isKind(error, 'unavailable') || isConnectionLoss(error))) throw error;
      }
      if (this.#suspended) throw new Suspended();
      await sleep(retryDelaysMs[attempt] ?? retryDelaysMs.at(-1));
    }
  }

  /** Our own bookkeeping waits for the database as long as it takes. */
  async #persistently<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!isConnectionLoss(error)) throw error;
        if (this.#suspended) throw new Suspended();
        await sleep(500);
      }
    }
  }
}

function now(): string {
  return new Date().toISOString();
}
