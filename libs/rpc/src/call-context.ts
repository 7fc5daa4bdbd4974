import { randomUUID } from 'node:crypto';

/** Who asked, as LXD's events name it. */
export interface Requestor {
  username: string;
  /** "unix", "tls" or "internal". */
  protocol: string;
  address: string;
}

/** Travels with every call from the gateway to the last agent. */
export interface CallContext {
  requestId: string;
  requestor?: Requestor;
  /** W3C trace context: what comes from the client, or a trace that begins here. */
  traceparent?: string;
  /** Unix milliseconds after which nobody waits for the answer. */
  deadline?: number;
  /** The operation behind which it happens. */
  operation?: string;
  /** The claim of the Idempotency-Key that the request came with. */
  claim?: string;
  /** The member whose agent is meant, on calls that are passed on to it. */
  member?: string;
  /** Aborted when the caller went away or the deadline passed. */
  signal?: AbortSignal;
}

export interface CallLimits {
  /** Milliseconds from now; the earlier of this and the parent's deadline holds. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** A call that no user made: background work, start-up, timers. */
export function systemCall(limits: CallLimits = {}): CallContext {
  return childCall({ requestId: randomUUID() }, limits);
}

/** The same call with tighter limits. */
export function childCall(parent: CallContext, limits: CallLimits): CallContext {
  const own = limits.timeoutMs === undefined ? undefined : Date.now() + limits.timeoutMs;
  const deadline = own === undefined ? parent.deadline : Math.min(own, parent.deadline ?? Infinity);
  const signal = limits.signal ?? parent.signal;
  return { ...parent, ...(deadline === undefined ? {} : { deadline }), ...(signal === undefined ? {} : { signal }) };
}
