import type { CallContext } from './call-context.js';

/** A protobuf message codec as ts-proto generates it. */
export interface MessageType<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(input: Uint8Array): T;
}

export interface MethodDefinition {
  readonly name: string;
  readonly requestType: unknown;
  readonly requestStream: boolean;
  readonly responseType: unknown;
  readonly responseStream: boolean;
}

/** A proto service as ts-proto generates it with outputServices=generic-definitions. */
export interface ServiceDefinition {
  readonly name: string;
  readonly fullName: string;
  readonly methods: Readonly<Record<string, MethodDefinition>>;
}

type Message<T> = T extends { decode(input: never): infer M } ? M : T extends { decode(...input: never[]): infer M } ? M : never;
type Request<M extends MethodDefinition> = M['requestStream'] extends true ? AsyncIterable<Message<M['requestType']>> : Message<M['requestType']>;
type Response<M extends MethodDefinition> = M['responseStream'] extends true
  ? AsyncIterable<Message<M['responseType']>>
  : Promise<Message<M['responseType']>>;

/**
 * The one type of a proto service: handlers implement it, callers see it, whether the other side is in this process
 * (`local()`) or behind a wire (`remote()`). Streams are async iterables in both directions.
 */
export type Service<D extends ServiceDefinition> = {
  [K in keyof D['methods']]: (call: CallContext, request: Request<D['methods'][K]>) => Response<D['methods'][K]>;
};
