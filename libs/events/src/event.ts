import { currentCall } from '@asterism/rpc';
import { randomUUID } from 'node:crypto';

/** Who caused an event, as LXD's lifecycle events name it. */
export interface EventRequestor {
  username: string;
  protocol: string;
  address: string;
}

export interface Lifecycle {
  /** e.g. "instance-created" (reference/lifecycle-events.json). */
  action: string;
  /** URL of the object. */
  source: string;
  project: string;
  location?: string;
  requestor?: EventRequestor | undefined;
  context?: Record<string, unknown> | undefined;
}

/** Every kind of event with its payload; kinds are the NATS subjects below "asterism." */
export interface EventPayloads {
  lifecycle: Lifecycle;
  /** A durable task ended; operations closes the public record. */
  'operation.closed': { id: string; status_code: number; error: string; metadata?: Record<string, unknown>; steps?: object[] };
  /** Server configuration changed: the keys that did. */
  'config.changed': { keys: string[] };
  /** The trust store changed. */
  'certificates.changed': { fingerprints: string[] };
  /** An agent saw an instance change by itself. */
  'agent.instance': { member: string; id: string; what: 'stopped' | 'started' | 'rebooted' | 'error'; message?: string };
  /** An agent came up; services compare what should be with what is. */
  'agent.ready': { member: string };
  /** A member has another name from now on. */
  'member.renamed': { from: string; to: string };
  /** A member is no more: what is known of it goes. */
  'member.removed': { member: string };
  /** A member fell silent, or was heard of again. */
  'member.health': { member: string; online: boolean };
  /** Who is a member, or where, changed. */
  'members.changed': { members: string[] };
  /** The journal grew up to this cursor. */
  'journal.appended': { cursor: number; entries: { cursor: number; type: string; project: string; json: string }[] };
  /** A log line for /1.0/events?type=logging. */
  logging: { message: string; level: string; context?: Record<string, unknown>; location?: string };
}

export type EventKind = keyof EventPayloads;

export interface EventOf<K extends EventKind> {
  /** uuid; consumers drop what they have seen. */
  id: string;
  kind: K;
  /** Unix milliseconds. */
  at: number;
  payload: EventPayloads[K];
  /** Of lifecycle events: the claim of the Idempotency-Key under which it happened. */
  claim?: string;
}

export type AsterismEvent = { [K in EventKind]: EventOf<K> }[EventKind];

export function event<K extends EventKind>(kind: K, payload: EventPayloads[K]): AsterismEvent {
  return { id: randomUUID(), kind, at: Date.now(), payload } as AsterismEvent;
}

export function lifecycle(payload: Lifecycle): AsterismEvent {
  const claim = currentCall()?.claim;
  return { ...event('lifecycle', payload), ...(claim === undefined ? {} : { claim }) };
}
