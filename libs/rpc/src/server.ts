import { Server, ServerCredentials, type ServerDuplexStream, type ServerReadableStream, type ServerUnaryCall, type ServerWritableStream, type sendUnaryData, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { LxdError } from '@asterism/errors';
import type { CallContext } from './call-context.js';
import { onBehalfOf } from './current-call.js';
import type { Service, ServiceDefinition } from './definition.js';
import type { TlsFiles } from './tls.js';
import { watched, type Work } from './watch.js';
import { channelOptions, fromMetadata, toStatus, wireMethod } from './wire.js';

export interface RpcServerOptions {
  /** host:port, port 0 for any. */
  listen: string;
  tls: TlsFiles;
  /** Of callers whose certificates have been revoked; SHA-256 as node writes it, which is worth asking for only where there are any. */
  refuses?: (fingerprint: () => string) => boolean;
}

type AnyServerCall = ServerUnaryCall<unknown, unknown> | ServerReadableStream<unknown, unknown> | ServerWritableStream<unknown, unknown> | ServerDuplexStream<unknown, unknown>;
type AnyMethod = (call: CallContext, request: unknown) => unknown;

/** Serves handlers over gRPC to callers that hold a certificate of the constellation's own authority. */
export class RpcServer {
  readonly #server = new Server(channelOptions);
  /** Calls with one answer that are under way. */
  #underWay = 0;
  #lastEnded: (() => void) | undefined;

  constructor(private readonly options: RpcServerOptions) {}

  add<D extends ServiceDefinition>(definition: D, handler: Service<D>): this {
    const wires: Record<string, ReturnType<typeof wireMethod>> = {};
    const implementation: UntypedServiceImplementation = {};
    for (const [name, method] of Object.entries(definition.methods)) {
      const wire = wireMethod(definition, method);
      // Answers of streams are turned into bytes as they come, so that a handler may use its buffers again.
      wires[name] = method.responseStream ? { ...wire, responseSerialize: (bytes) => bytes as Buffer<ArrayBuffer> } : wire;
      const run = (context: CallContext, request: unknown): unknown =>
        onBehalfOf(context, () => (handler as unknown as Record<string, AnyMethod>)[name]!.call(handler, context, request));
      const work: Work = { kind: 'call', name: `${definition.fullName}/${method.name}` };
      implementation[name] = method.responseStream
        ? (call: ServerWritableStream<unknown, unknown> | ServerDuplexStream<unknown, unknown>) => void answerStream(call, { streamed: method.requestStream, run: this.#admitting(call, run), serialize: wire.responseSerialize })
        : (call: ServerUnaryCall<unknown, unknown> | ServerReadableStream<unknown, unknown>, done: sendUnaryData<unknown>) =>
            void this.#count(answerOnce(call, method.requestStream, this.#admitting(call, (context, request) => watched(work, context, (own) => run(own, request) as Promise<unknown>)), done));
    }
    this.#server.addService(wires, implementation);
    return this;
  }

  /** Throws where the caller's certificate is good no more. */
  #admitting(call: AnyServerCall, run: AnyMethod): AnyMethod {
    const { refuses } = this.options;
    if (!refuses) return run;
    return (context, request) => {
      if (refuses(() => call.getAuthContext().sslPeerCertificate?.fingerprint256 ?? '')) throw new LxdError('unauthenticated', 'This certificate was revoked');
      return run(context, request);
    };
  }

  /** Resolves to the port listened on. */
  listen(): Promise<number> {
    const { ca, cert, key } = this.options.tls;
    const secure = ServerCredentials.createSsl(ca, [{ cert_chain: cert, private_key: key }], true);
    return new Promise((resolve, reject) =>
      this.#server.bindAsync(this.options.listen, secure, (error, port) => (error ? reject(error) : resolve(port))),
    );
  }

  /** Takes no more calls; those under way may end: streams, of which some never would, within `graceMs`, others within `answersMs`. */
  async close(graceMs = 2_000, answersMs = 15_000): Promise<void> {
    const patience = new Promise((resolve) => setTimeout(resolve, answersMs).unref());
    const timer = setTimeout(() => void Promise.race([this.#answered(), patience]).then(() => this.#server.forceShutdown()), graceMs);
    await new Promise<void>((resolve) => this.#server.tryShutdown(() => resolve()));
    clearTimeout(timer);
  }

  async #count(answer: Promise<void>): Promise<void> {
    this.#underWay++;
    await answer.finally(() => this.#underWay--);
    if (this.#underWay === 0) this.#lastEnded?.();
  }

  async #answered(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => (this.#lastEnded = resolve));
    // The last answer is still to be sent.
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function contextOf(call: AnyServerCall): CallContext {
  const abort = new AbortController();
  (call as NodeJS.EventEmitter).on('cancelled', () => abort.abort());
  const deadline = call.getDeadline();
  const limit = deadline instanceof Date ? deadline.getTime() : deadline;
  return { ...fromMetadata(call.metadata), signal: abort.signal, ...(Number.isFinite(limit) ? { deadline: limit } : {}) };
}

async function answerOnce(
  call: ServerUnaryCall<unknown, unknown> | ServerReadableStream<unknown, unknown>,
  streamed: boolean,
  run: AnyMethod,
  done: sendUnaryData<unknown>,
): Promise<void> {
  try {
    const request = streamed ? (call as AsyncIterable<unknown>) : (call as ServerUnaryCall<unknown, unknown>).request;
    done(null, await run(contextOf(call), request));
  } catch (error) {
    done(toStatus(error), null);
  }
}

async function answerStream(
  call: ServerWritableStream<unknown, unknown> | ServerDuplexStream<unknown, unknown>,
  { streamed, run, serialize }: { streamed: boolean; run: AnyMethod; serialize: (answer: unknown) => Buffer },
): Promise<void> {
  const context = contextOf(call);
  try {
    const request = streamed ? (call as AsyncIterable<unknown>) : (call as ServerWritableStream<unknown, unknown>).request;
    for await (const answer of run(context, request) as AsyncIterable<unknown>) {
      if (context.signal?.aborted) return;
      if (!call.write(serialize(answer))) await drained(call, context);
    }
    call.end();
  } catch (error) {
    call.emit('error', toStatus(error));
  }
}

function drained(call: NodeJS.EventEmitter, context: CallContext): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      call.removeListener('drain', finish);
      context.signal?.removeEventListener('abort', finish);
      resolve();
    };
    call.once('drain', finish);
    context.signal?.addEventListener('abort', finish, { once: true });
  });
}
