import { setTimeout as sleep } from 'node:timers/promises';
import type { AsterismEvent, EventBus, EventHandler, EventKind, Subscription } from '@asterism/events';
import type { events } from '@asterism/proto';
import { systemCall, type CallContext, type Service } from '@asterism/rpc';

export type Events = Service<typeof events.EventsDefinition>;

const publishWithinMs = 120_000;
const againAfterMs = 500;
/** A subscriber that does not keep up loses the oldest: the bus promises no more. */
const queued = 10_000;

/** Of these only the fact is told: who hears of them asks who the members are now. */
const hints: ReadonlySet<string> = new Set<EventKind>(['members.changed', 'agent.ready']);
/** Between two hints to one subscriber, for each that follows them: a thousand members that join tell a thousand others together, not one by one. */
const apartMsPerFollower = 2;

/** The bus of this process for others. */
export function busHandler(bus: EventBus): Events {
  let followers = 0;
  return {
    async publish(_call, { json }) {
      await bus.publish(JSON.parse(json.toString()) as AsterismEvent);
      return {};
    },
    async *subscribe(call: CallContext, { kinds }) {
      const waiting: AsterismEvent[] = [];
      const onlyHints = kinds.every((kind) => hints.has(kind));
      let wake = (): void => undefined;
      call.signal?.addEventListener('abort', () => wake(), { once: true });
      const subscription = await bus.subscribe(kinds as EventKind[], (event) => {
        if (onlyHints) waiting.length = 0;
        if (waiting.push(event) > queued) waiting.shift();
        wake();
      });
      if (onlyHints) followers++;
      try {
        yield { json: Buffer.alloc(0) };
        while (!call.signal?.aborted) {
          for (let event = waiting.shift(); event; event = waiting.shift()) yield { json: encoded(event) };
          if (onlyHints) await sleep(followers * apartMsPerFollower, undefined, { signal: call.signal, ref: false }).catch(() => undefined);
          await new Promise<void>((resolve) => ((wake = resolve), waiting.length > 0 || call.signal?.aborted ? resolve() : undefined));
        }
      } finally {
        if (onlyHints) followers--;
        await subscription.close();
      }
    },
  };
}

const encodings = new WeakMap<AsterismEvent, Buffer>();

/** Once for all that it goes to. */
function encoded(event: AsterismEvent): Buffer {
  const known = encodings.get(event) ?? Buffer.from(JSON.stringify(event));
  encodings.set(event, known);
  return known;
}

/** The bus of a control plane as one of its members sees it. Whoever must lose nothing is where the outbox is: members only subscribe. */
export class RemoteEventBus implements EventBus {
  readonly #closing = new AbortController();

  constructor(private readonly events: Events) {}

  async publish(event: AsterismEvent): Promise<void> {
    await this.events.publish(systemCall({ timeoutMs: publishWithinMs }), { json: Buffer.from(JSON.stringify(event)) });
  }

  consume<K extends EventKind>(_durable: string, kinds: readonly K[], handler: EventHandler<K>): Promise<Subscription> {
    return this.subscribe(kinds, handler);
  }

  /** Resolves when the subscription stands; it is taken up again when the control plane was away. */
  async subscribe<K extends EventKind>(kinds: readonly K[], handler: EventHandler<K>): Promise<Subscription> {
    const ending = new AbortController();
    const signal = AbortSignal.any([ending.signal, this.#closing.signal]);
    const standing = Promise.withResolvers<void>();
    void this.#follow({ kinds: [...kinds], handler: handler as (event: AsterismEvent) => Promise<void> | void, signal, stands: standing.resolve });
    await standing.promise;
    return { close: async () => ending.abort() };
  }

  /** Members consume nothing durably. */
  async caughtUp(): Promise<boolean> {
    return true;
  }

  async close(): Promise<void> {
    this.#closing.abort();
  }

  async #follow({ kinds, handler, signal, stands }: { kinds: string[]; handler: (event: AsterismEvent) => Promise<void> | void; signal: AbortSignal; stands: () => void }): Promise<void> {
    while (!signal.aborted) {
      try {
        for await (const { json } of this.events.subscribe({ ...systemCall(), signal }, { kinds })) {
          if (json.length === 0) stands();
          else void Promise.resolve(handler(JSON.parse(json.toString()) as AsterismEvent)).catch(() => undefined);
        }
      } catch {
        // The control plane is away, or this subscription ends.
      }
      if (!signal.aborted) await sleep(againAfterMs);
    }
    stands();
  }
}
