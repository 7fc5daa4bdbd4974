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
}

const stream = 'asterism';
const retryMs = 500;
const drainMs = 2_000;
/** NATS's own default, should the server not say. */
const smallestLimit = 1024 * 1024;

/** The bus over NATS JetStream: a stream of the last hour for durable consumers, plain subjects for subscribers. */
export class NatsEventBus implements EventBus {
  private constructor(
    private readonly connection: NatsConnection,
    private readonly client: JetStreamClient,
    private readonly manager: JetStreamManager,
  ) {}

  static async connect(options: NatsOptions): Promise<NatsEventBus> {
    const connection = await connect({ servers: options.url, ...(options.tls ? { tls: options.tls } : {}), maxReconnectAttempts: -1, waitOnFirstConnect: options.waits ?? true });
    try {
      const manager = await jetstreamManager(connection);
      await ensureStream(manager);
      return new NatsEventBus(connection, jetstream(connection), manager);
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
    const name = durable.replaceAll('.', '-');
    await this.manager.consumers.add(stream, {
      durable_name: name,
      // Several kinds in one order: NATS before 2.10 filters by one subject only, so the rest is passed over here.
      ...(only !== undefined && others.length === 0 ? { filter_subject: subject(only) } : {}),
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: nanos(30_000),
      max_ack_pending: 64,
    });
    const wanted = new Set<EventKind>(kinds);
    const consumer = await this.client.consumers.get(stream, name);
    const messages = await consumer.consume({ max_messages: 64 });
    const run = async (): Promise<void> => {
      for await (const message of messages) {
        const handled = await this.#handle(message, wanted, handler).then(() => true, () => false);
        answer(message, handled);
      }
    };
    // It ends with the connection; what was not answered comes again to the next one.
    void run().catch(() => undefined);
    return { close: async () => void (await messages.close()) };
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

/** A connection that closes meanwhile takes no answer: the message comes again. */
function answer(message: JsMsg, handled: boolean): void {
  try {
    if (handled) message.ack();
    else message.nak(retryMs);
  } catch {
    return;
  }
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
