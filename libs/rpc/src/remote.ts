import { Client, credentials, type CallOptions, type ServiceError, type ClientDuplexStream, type ClientReadableStream, type ClientWritableStream } from '@grpc/grpc-js';
import type { CallContext } from './call-context.js';
import type { Service, ServiceDefinition } from './definition.js';
import type { TlsFiles } from './tls.js';
import { channelOptions, fromStatus, toMetadata, wireMethod } from './wire.js';

export interface ChannelOptions {
  /** host:port */
  address: string;
  tls: TlsFiles;
  /** Name the other side's certificate must carry; default the host part of the address. */
  serverName?: string;
}

/** A connection to one other process, shared by the services bound over it. */
export class Channel {
  readonly client: Client;

  constructor(options: ChannelOptions) {
    const secure = credentials.createSsl(options.tls.ca, options.tls.key, options.tls.cert);
    this.client = new Client(options.address, secure, {
      ...channelOptions,
      ...(options.serverName ? { 'grpc.ssl_target_name_override': options.serverName } : {}),
    });
  }

  close(): void {
    this.client.close();
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
        const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, toMetadata(call), callOptions(call));
        abortWith(call, stream);
        void pump(requests, stream);
        return responses(stream);
      };
    } else if (method.responseStream) {
      bound[name] = (call: CallContext, request: unknown) => {
        const stream = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, toMetadata(call), callOptions(call));
        abortWith(call, stream);
        return responses(stream);
      };
    } else if (method.requestStream) {
      bound[name] = (call: CallContext, requests: AsyncIterable<unknown>) =>
        new Promise((resolve, reject) => {
          const stream = client.makeClientStreamRequest(path, requestSerialize, responseDeserialize, toMetadata(call), callOptions(call), (error, answer) =>
            error ? reject(fromStatus(error)) : resolve(answer),
          );
          abortWith(call, stream);
          void pump(requests, stream);
        });
    } else {
      bound[name] = (call: CallContext, request: unknown) =>
        new Promise((resolve, reject) => {
          const stream = client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, toMetadata(call), callOptions(call), (error, answer) =>
            error ? reject(fromStatus(error)) : resolve(answer),
          );
          abortWith(call, stream);
        });
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
