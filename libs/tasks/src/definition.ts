import type { LxdError } from '@asterism/errors';
import type { Unit } from '@asterism/database';
import type { CallContext } from '@asterism/rpc';

/** What a step sees. `state` is JSON and saved after each step; `input` never changes. */
export interface StepContext<I, S> {
  /** The operation's id. */
  readonly id: string;
  /** The call that caused it, without its deadline. */
  readonly call: CallContext;
  readonly input: I;
  readonly state: S;
  /** Aborted when a user cancels. */
  readonly signal: AbortSignal;
  /** Result for the operation's metadata, published when the task ends. Called in conclude(): earlier ones do not outlive a crash. */
  result(metadata: Record<string, unknown>): void;
  transact<T>(work: (unit: Unit) => Promise<T>): Promise<T>;
  /** Shows progress in the operation's metadata at once; not durable. */
  progress(metadata: Record<string, unknown>): void;
}

export interface Step<I, S> {
  name: string;
  /** A step that does not apply is passed over, in both directions, and costs nothing. */
  applies?(context: StepContext<I, S>): Promise<boolean> | boolean;
  /** run() only waits for something outside, perhaps for days: closing the service does not wait for it. */
  onlyWaits?: boolean;
  /** May run again after a crash in its middle or just after its end: every effect is idempotent. */
  run(context: StepContext<I, S>): Promise<void>;
  /** Takes back what run() did, completely or half; runs also for a step that had only begun. */
  undo?(context: StepContext<I, S>): Promise<void>;
}

/**
 * Durable work: steps in order, undone in reverse when one fails or the user cancels. `conclude` commits together with
 * the end of the task, `abandon` together with its failure after the undo.
 */
export interface TaskDefinition<I, S extends object> {
  /** "<service>.<verb>", e.g. "instance.create". */
  kind: string;
  initial(input: I): S;
  steps: readonly Step<I, S>[];
  conclude?(unit: Unit, context: StepContext<I, S>): Promise<void> | void;
  abandon?(unit: Unit, context: StepContext<I, S>, error: LxdError): Promise<void> | void;
}

/** The public side of a task. */
export interface OperationSpec {
  /** LXD's words, e.g. "Creating instance". */
  description: string;
  project: string;
  /** Kind to URLs, e.g. { instances: ['/1.0/instances/c1'] }. */
  resources: Record<string, string[]>;
  metadata?: Record<string, unknown>;
  mayCancel?: boolean;
  location?: string;
  /** Sockets belong to it. */
  websocket?: boolean;
}

export function defineTask<I, S extends object = Record<string, never>>(
  definition: Omit<TaskDefinition<I, S>, 'initial'> & { initial?: (input: I) => S },
): TaskDefinition<I, S> {
  return { initial: () => ({}) as S, ...definition };
}
