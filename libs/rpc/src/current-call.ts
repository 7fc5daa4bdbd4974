import { AsyncLocalStorage } from 'node:async_hooks';
import type { CallContext } from './call-context.js';

const storage = new AsyncLocalStorage<CallContext>();

/** Runs work on behalf of a call: whatever it logs or emits can be told which call caused it. */
export function onBehalfOf<T>(call: CallContext, work: () => T): T {
  return storage.run(call, work);
}

/** The call that this code runs on behalf of; for records of causes only, what a handler needs is in its arguments. */
export function currentCall(): CallContext | undefined {
  return storage.getStore();
}
