import { setTimeout } from 'node:timers/promises';
import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager, RetentionPolicy, StorageType, type JetStreamClient, type JetStreamManager, type JsMsg } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { nanos } from '@nats-io/nats-core';
import type { AsterismEvent, EventKind, EventOf } from './event.js';
import { isPart, published, whole, type EventInParts } from './large-events.js';
import type { EventBus, EventHandler, Subscription } from './event-bus.js';

export interface NatsOptions {
  /** nats://host:port or tls://host:port */
  url: string;
  /** For a server that is not there yet; else that is thrown. Default true. */
  waits?: boolean;
  tls?: { caFile: string; certFile: string; keyFile: string };
  /** After this the server gives what a killed process had taken to the next one; a living one says in time that it is still at it. */
  ackWaitMs?: number;
}

const stream = 'asterism';
const retryMs = 500;
const caughtUpWithinMs = 20_000;
const caughtUpAgainMs = 100;
const drainMs = 2_000;
/** NATS's own default, should the server not say. */
const smallestLimit = 1024 * 1024;

/** The bus over NATS JetStream: a stream of the last hour for durable consumers, plain subjects for subscribers. */
export class NatsEventBus implements EventBus {
  private constructor(
    private readonly connection: NatsConnection,
    private readonly client: JetStreamClient,
    private readonly manager: JetStreamManager,
    private readonly ackWaitMs: number,
  ) {}

  static async connect(options: NatsOptions): Promise<NatsEventBus> {
    const connection = await connect({ servers: options.url, ...(options.tls ? { tls: options.tls } : {}), maxReconnectAttempts: -1, waitOnFirstConnect: options.waits ?? true });
    try {
      const manager = await jetstreamManager(connection);
      await ensureStream(manager);
      return new NatsEventBus(connection, jetstream(connection), manager, options.ackWaitMs ?? 6_000);
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  async publish(event: AsterismEvent): Promise<void> {
    const bytes = await published(this.client, event, this.connection.info?.max_payload ?? smallestLimit);
    await this.client.publish(subject(event.kind), bytes, { msgID: event.id });
  }

  async consume<K extends EventKind>(durable: string, kinds: readonly K[], handler: EventHandler<K>): Promise<Subscription> {
    const [only, ...others] = kinds;
    const name = consumerName(durable);
    const config = {
      durable_name: name,
      // Several kinds in one order: NATS before 2.10 filters by one subject only, so the rest is passed over here.
      ...(only !== undefined && others.length === 0 ? { filter_subject: subject(only) } : {}),
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: nanos(this.ackWaitMs),
      max_ack_pending: 64,
    };
    await this.manager.consumers.add(stream, config).catch(() => this.manager.consumers.update(stream, name, config));
    const wanted = new Set<EventKind>(kinds);
    const taken = new TakenMessages((message) => this.#handle(message, wanted, handler), this.ackWaitMs / 3);
    const consumer = await this.client.consumers.get(stream, name);
    // It ends with the connection; what was not answered comes again to the next one.
    const messages = await consumer.consume({ max_messages: 64, callback: (message) => taken.take(message) });
    return {
      async close() {
        await messages.close();
        taken.close();
      },
    };
  }

  async caughtUp(durable: string): Promise<boolean> {
    try {
      const { state } = await this.manager.streams.info(stream);
      for (const deadline = Date.now() + caughtUpWithinMs; Date.now() < deadline; await setTimeout(caughtUpAgainMs)) {
        const { ack_floor, num_pending, num_ack_pending } = await this.manager.consumers.info(stream, consumerName(durable));
        if (ack_floor.stream_seq >= state.last_seq || num_pending + num_ack_pending === 0) return true;
      }
      return false;
    } catch {
      return false; // the server is away
    }
  }

  async subscribe<K extends EventKind>(kinds: readonly K[], handler: EventHandler<K>): Promise<Subscription> {
    const subscriptions = kinds.map((kind) =>
      this.connection.subscribe(subject(kind), {
        callback: (error, message) => {
          if (!error) void (async () => handler(await whole<EventOf<K>>(this.manager, stream, message.json())))().catch(() => undefined);
        },
      }),
    );
    return { close: async () => subscriptions.forEach((subscription) => subscription.unsubscribe()) };
  }

  async #handle<K extends EventKind>(message: JsMsg, wanted: ReadonlySet<EventKind>, handler: EventHandler<K>): Promise<void> {
    if (isPart(message.subject)) return;
    const event = message.json<EventOf<K> | EventInParts>();
    if (wanted.has(event.kind)) await handler(await whole<EventOf<K>>(this.manager, stream, event));
  }

  /** Sends what is under way, but waits for no server that is gone. */
  async close(): Promise<void> {
    const drained = this.connection.drain().catch(() => undefined);
    await Promise.race([drained, setTimeout(drainMs, undefined, { ref: false })]);
    await this.connection.close();
  }
}

/** Messages that this process has and has not handled, one after the other: the server hears that they are not lost, and soon notices when they are. */
class TakenMessages {
  readonly #waiting = new Set<JsMsg>();
  readonly #working: NodeJS.Timeout;
  #last: Promise<void> = Promise.resolve();

  constructor(private readonly handle: (message: JsMsg) => Promise<void>, workingMs: number) {
    this.#working = setInterval(() => {
      for (const message of this.#waiting) tell(() => message.working());
    }, workingMs);
    this.#working.unref();
  }

  take(message: JsMsg): void {
    this.#waiting.add(message);
    this.#last = this.#last.then(async () => {
      if (!this.#waiting.has(message)) return;
      const handled = await this.handle(message).then(() => true, () => false);
      this.#waiting.delete(message);
      tell(() => (handled ? message.ack() : message.nak(retryMs)));
    });
  }

  close(): void {
    clearInterval(this.#working);
    this.#waiting.clear();
  }
}

/** A connection that closes meanwhile takes no answer: the message comes again. */
function tell(answer: () => void): void {
  try {
    answer();
  } catch {
    return;
  }
}

function consumerName(durable: string): string {
  return durable.replaceAll('.', '-');
}

function subject(kind: EventKind): string {
  return `asterism.${kind}`;
}

async function ensureStream(manager: JetStreamManager): Promise<void> {
  const config = {
    name: stream,
    subjects: ['asterism.>'],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    max_age: nanos(60 * 60 * 1000),
    duplicate_window: nanos(2 * 60 * 1000),
  };
  await manager.streams.add(config).catch(() => manager.streams.update(stream, config));
}
