import type { AsterismEvent, EventKind, EventOf } from './event.js';

export const EventBusToken = 'asterism.EventBus';

export type EventHandler<K extends EventKind> = (event: { [P in K]: EventOf<P> }[K]) => Promise<void> | void;

export interface Subscription {
  close(): Promise<void>;
}

/**
 * Carries events between services. The bus may lose everything: what must not be lost lies in an outbox until it was
 * consumed, and is published again.
 */
export interface EventBus {
  /** Resolves when the bus has taken the event. In one process: when every consumer has handled it. */
  publish(event: AsterismEvent): Promise<void>;
  /** At least once, by one process of those that share the durable name; a handler that throws is tried again. */
  consume<K extends EventKind>(durable: string, kinds: readonly K[], handler: EventHandler<K>): Promise<Subscription>;
  /** At most once, in every process that subscribes. */
  subscribe<K extends EventKind>(kinds: readonly K[], handler: EventHandler<K>): Promise<Subscription>;
  /** Resolves with true once a durable consumer has handled everything that was published before; with false when that takes too long. */
  caughtUp(durable: string): Promise<boolean>;
  close(): Promise<void>;
}
