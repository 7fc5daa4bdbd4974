import { fromUnknown } from '@asterism/errors';
import type { CallContext } from './call-context.js';

/** A piece of work that a request causes. */
export interface Work {
  /** A request of the API, a call between services, a step of a task, a command of a host. */
  kind: 'request' | 'call' | 'step' | 'command';
  name: string;
}

/** Work that is being watched; `call` is what it should pass on, so that what it causes is known as its own. */
export interface Watched<C extends CallContext | undefined> {
  call: C;
  /** "ok", or why not. */
  end(outcome: string): void;
}

/** Learns of all work of this process: for metrics and traces. */
export interface Watcher {
  begin<C extends CallContext | undefined>(work: Work, call: C): Watched<C>;
}

let watcher: Watcher | undefined;

/** One per process, before it serves; undefined for none. */
export function watchWith(chosen: Watcher | undefined): void {
  watcher = chosen;
}

export function activeWatcher(): Watcher | undefined {
  return watcher;
}

/** Does the work, watched if anybody watches. */
export function watched<C extends CallContext | undefined, T>(work: Work, call: C, run: (call: C) => Promise<T>): Promise<T> {
  if (!watcher) return run(call);
  const begun = watcher.begin(work, call);
  const running = run(begun.call);
  running.then(
    () => begun.end('ok'),
    (error: unknown) => begun.end(fromUnknown(error).kind),
  );
  return running;
}
