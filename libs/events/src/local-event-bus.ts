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
  readonly #subscribers = new Set<Listener>();

  async publish(event: AsterismEvent): Promise<void> {
    for (const subscriber of this.#subscribers) {
      if (subscriber.kinds.has(event.kind)) void Promise.resolve(subscriber.handle(event)).catch(() => undefined);
    }
    for (const consumer of this.#consumers.values()) {
      if (consumer.kinds.has(event.kind)) await consumer.handle(event);
    }
  }

  async consume<K extends EventKind>(durable: string, kinds: readonly K[], handler: EventHandler<K>): Promise<Subscription> {
    this.#consumers.set(durable, { kinds: new Set(kinds), handle: handler as AnyHandler });
    return { close: async () => void this.#consumers.delete(durable) };
  }

  async subscribe<K extends EventKind>(kinds: readonly K[], handler: EventHandler<K>): Promise<Subscription> {
    const listener: Listener = { kinds: new Set(kinds), handle: handler as AnyHandler };
    this.#subscribers.add(listener);
    return { close: async () => void this.#subscribers.delete(listener) };
  }

  /** Whatever was published is in an outbox until it was handled. */
  async caughtUp(): Promise<boolean> {
    return true;
  }

  async close(): Promise<void> {
    this.#consumers.clear();
    this.#subscribers.clear();
  }
}
