import { setTimeout as sleep } from 'node:timers/promises';
import { Client, connectivityState, credentials, type CallOptions, type ServiceError, type ClientDuplexStream, type ClientReadableStream, type ClientWritableStream, type Metadata } from '@grpc/grpc-js';
import type { CallContext } from './call-context.js';
import type { Service, ServiceDefinition } from './definition.js';
import { LostCall } from './lost-call.js';
import type { TlsFiles } from './tls.js';
import { channelOptions, fromStatus, toMetadata, wireMethod } from './wire.js';

export interface ChannelOptions {
  /** host:port */
  address: string;
  tls: TlsFiles;
  /** Name the other side's certificate must carry; default the host part of the address. */
  serverName?: string;
  /** How long a call without a deadline waits for a process that is being replaced; default 0. */
  patienceMs?: number;
}

const askAgainMs = 100;

/** A connection to one other process, shared by the services bound over it. */
export class Channel {
  readonly client: Client;
  readonly patienceMs: number;

  constructor(options: ChannelOptions) {
    this.patienceMs = options.patienceMs ?? 0;
    const secure = credentials.createSsl(options.tls.ca, options.tls.key, options.tls.cert);
    this.client = new Client(options.address, secure, {
      ...channelOptions,
      ...(options.serverName ? { 'grpc.ssl_target_name_override': options.serverName } : {}),
    });
  }

  /** Asks again while nobody was there to be asked. What was sent is not asked again: it may have been done. */
  async ask<T>(call: CallContext, once: () => Promise<T>): Promise<T> {
    const until = performance.now() + this.patienceMs;
    for (;;) {
      try {
        return await once();
      } catch (error) {
        if (!(error instanceof LostCall && error.unsent) || call.deadline !== undefined || call.signal?.aborted || performance.now() >= until) throw error;
        await sleep(askAgainMs);
      }
    }
  }

  /** Streams cannot be begun twice: they wait for the connection, and are given up where there is none in time. */
  metadataOfStream(call: CallContext, cancel: () => void): Metadata {
    const metadata = toMetadata(call);
    if (this.patienceMs === 0 || call.deadline !== undefined) return metadata;
    metadata.setOptions({ waitForReady: true });
    setTimeout(() => this.#isConnected() || cancel(), this.patienceMs).unref();
    return metadata;
  }

  close(): void {
    this.client.close();
  }

  #isConnected(): boolean {
    return this.client.getChannel().getConnectivityState(false) === connectivityState.READY;
  }
}

/** Binds a service to the process at the channel's other end. Errors arrive as the LxdErrors that were thrown there. */
export function remote<D extends ServiceDefinition>(definition: D, channel: Channel): Service<D> {
  const bound: Record<string, unknown> = {};
  for (const [name, method] of Object.entries(definition.methods)) {
    const wire = wireMethod(definition, method);
    const { path, requestSerialize, responseDeserialize } = wire;
    const client = channel.client;
    if (method.requestStream && method.responseStream) {
      bound[name] = (call: CallContext, requests: AsyncIterable<unknown>) => {
        const metadata = channel.metadataOfStream(call, () => stream.cancel());
        const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata, callOptions(call));
        abortWith(call, stream);
        void pump(requests, stream);
        return responses(stream);
      };
    } else if (method.responseStream) {
      bound[name] = (call: CallContext, request: unknown) => {
        const metadata = channel.metadataOfStream(call, () => stream.cancel());
        const stream = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, metadata, callOptions(call));
        abortWith(call, stream);
        return responses(stream);
      };
    } else if (method.requestStream) {
      bound[name] = (call: CallContext, requests: AsyncIterable<unknown>) =>
        new Promise((resolve, reject) => {
          const metadata = channel.metadataOfStream(call, () => stream.cancel());
          const stream = client.makeClientStreamRequest(path, requestSerialize, responseDeserialize, metadata, callOptions(call), (error, answer) =>
            error ? reject(fromStatus(error)) : resolve(answer),
          );
          abortWith(call, stream);
          void pump(requests, stream);
        });
    } else {
      const once = (call: CallContext, request: unknown): Promise<unknown> =>
        new Promise((resolve, reject) => {
          const stream = client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, toMetadata(call), callOptions(call), (error, answer) =>
            error ? reject(fromStatus(error)) : resolve(answer),
          );
          abortWith(call, stream);
        });
      bound[name] = channel.patienceMs === 0 ? once : (call: CallContext, request: unknown) => channel.ask(call, () => once(call, request));
    }
  }
  return bound as unknown as Service<D>;
}

function callOptions(call: CallContext): CallOptions {
  return call.deadline === undefined ? {} : { deadline: call.deadline };
}

function abortWith(call: CallContext, stream: { cancel(): void }): void {
  if (call.signal?.aborted) stream.cancel();
  else call.signal?.addEventListener('abort', () => stream.cancel(), { once: true });
}

async function pump(requests: AsyncIterable<unknown>, stream: ClientWritableStream<unknown> | ClientDuplexStream<unknown, unknown>): Promise<void> {
  let ended = false;
  stream.once('close', () => (ended = true));
  stream.once('error', () => (ended = true));
  try {
    for await (const request of requests) {
      if (ended) return;
      if (!stream.write(request)) await new Promise<void>((resolve) => onceAny(stream, ['drain', 'close', 'error'], resolve));
    }
    stream.end();
  } catch {
    stream.cancel();
  }
}

function onceAny(stream: NodeJS.EventEmitter, events: string[], done: () => void): void {
  const finish = (): void => {
    for (const event of events) stream.removeListener(event, finish);
    done();
  };
  for (const event of events) stream.on(event, finish);
}

async function* responses(stream: ClientReadableStream<unknown> | ClientDuplexStream<unknown, unknown>): AsyncIterable<unknown> {
  try {
    yield* stream as AsyncIterable<unknown>;
  } catch (error) {
    throw fromStatus(error as ServiceError);
  } finally {
    stream.cancel();
  }
}
