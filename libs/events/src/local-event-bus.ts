import type { AsterismEvent, EventKind } from './event.js';
import type { EventBus, EventHandler, Subscription } from './event-bus.js';

type AnyHandler = (event: AsterismEvent) => Promise<void> | void;

interface Listener {
  kinds: ReadonlySet<EventKind>;
  handle: AnyHandler;
}

/** The bus of one process. publish() fails when a consumer fails, so the outbox publishes again. */
export class LocalEventBus implements EventBus {
  readonly #consumers = new Map<string, Listener>();
  /** By kind: every member of a cluster subscribes to some, and most events are none of theirs. */
  readonly #subscribers = new Map<EventKind, Set<AnyHandler>>();

  async publish(event: AsterismEvent): Promise<void> {
    for (const handle of this.#subscribers.get(event.kind) ?? []) void Promise.resolve(handle(event)).catch(() => undefined);
    for (const consumer of this.#consumers.values()) {
      if (consumer.kinds.has(event.kind)) await consumer.handle(event);
    }
  }

  async consume<K extends EventKind>(durable: string, kinds: readonly K[], handler: EventHandler<K>): Promise<Subscription> {
    this.#consumers.set(durable, { kinds: new Set(kinds), handle: handler as AnyHandler });
    return { close: async () => void this.#consumers.delete(durable) };
  }

  async subscribe<K extends EventKind>(kinds: readonly K[], handler: EventHandler<K>): Promise<Subscription> {
    // One of its own for each subscription, so that a handler may be subscribed twice.
    const handle: AnyHandler = (event) => (handler as AnyHandler)(event);
    for (const kind of kinds) this.#handlersOf(kind).add(handle);
    return {
      close: async () => {
        for (const kind of kinds) this.#subscribers.get(kind)?.delete(handle);
      },
    };
  }

  /** Whatever was published is in an outbox until it was handled. */
  async caughtUp(): Promise<boolean> {
    return true;
  }

  async close(): Promise<void> {
    this.#consumers.clear();
    this.#subscribers.clear();
  }

  #handlersOf(kind: EventKind): Set<AnyHandler> {
    let handlers = this.#subscribers.get(kind);
    if (!handlers) this.#subscribers.set(kind, (handlers = new Set()));
    return handlers;
  }
}
