import { Metadata, status, type ServiceError, type StatusObject } from '@grpc/grpc-js';
import { LxdError, errorKinds, fromUnknown, type ErrorKind } from '@asterism/errors';
import type { CallContext } from './call-context.js';
import { encodedOnce } from './repeated.js';
import { LostCall } from './lost-call.js';
import type { MessageType, MethodDefinition, ServiceDefinition } from './definition.js';

const kindToStatus: Record<ErrorKind, status> = {
  'bad-request': status.INVALID_ARGUMENT,
  unauthenticated: status.UNAUTHENTICATED,
  forbidden: status.PERMISSION_DENIED,
  'not-found': status.NOT_FOUND,
  conflict: status.ALREADY_EXISTS,
  gone: status.DATA_LOSS,
  'precondition-failed': status.FAILED_PRECONDITION,
  'too-large': status.OUT_OF_RANGE,
  unprocessable: status.INVALID_ARGUMENT,
  unsupported: status.UNIMPLEMENTED,
  unavailable: status.UNAVAILABLE,
  timeout: status.DEADLINE_EXCEEDED,
  cancelled: status.CANCELLED,
  internal: status.INTERNAL,
};

const kindKey = 'asterism-kind';
const messageKey = 'asterism-message-bin';

export function toStatus(error: unknown): Partial<StatusObject> {
  // A handler that does not want to have heard of it: the caller asks again, of who comes after. One that was itself not heard by others may have done part of it.
  if (error instanceof LostCall && error.unsent && error.cause === undefined) return { code: status.UNAVAILABLE, details: unheard };
  const { kind, message } = fromUnknown(error);
  const metadata = new Metadata();
  metadata.set(kindKey, kind);
  metadata.set(messageKey, Buffer.from(message.slice(0, 4096)));
  return { code: kindToStatus[kind], details: kind, metadata };
}

const unheard = 'No connection established: this process is about to end';

function isUnheard(details: string): boolean {
  return /^(No connection established|Name resolution failed)/.test(details);
}

export function fromStatus(error: ServiceError): LxdError {
  const sent = error.metadata?.get(kindKey)[0];
  if (sent === undefined && isLost(error)) return new LostCall(error.details || error.message, { cause: error }, isUnheard(error.details));
  // Its time ran out before there was a connection: nothing was asked of anybody.
  if (sent === undefined && error.code === status.DEADLINE_EXCEEDED && error.details.endsWith('Waiting for LB pick')) return new LxdError('unavailable', 'The service cannot be reached', { cause: error });
  const kind = errorKinds.find((candidate) => candidate === sent) ?? kindOfStatus(error.code);
  const message = error.metadata?.get(messageKey)[0];
  return new LxdError(kind, message ? message.toString() : error.details || error.message, { cause: error });
}

/** A connection that ends in the middle of a call is told in several ways: as unavailable, as a stream that was reset, or as cancelled though nobody here did that. */
function isLost({ code, details }: ServiceError): boolean {
  return code === status.UNAVAILABLE || (code === status.INTERNAL && details.startsWith('Received RST_STREAM')) || (code === status.CANCELLED && details === 'Call cancelled');
}

function kindOfStatus(code: status): ErrorKind {
  const entry = Object.entries(kindToStatus).find(([, candidate]) => candidate === code);
  return (entry?.[0] as ErrorKind | undefined) ?? 'internal';
}

const contextKey = 'asterism-call-bin';

/** The context as metadata; the deadline and the signal travel as gRPC's own. A call with a deadline waits that long for a peer that is starting. */
export function toMetadata(call: CallContext): Metadata {
  const { deadline: _deadline, signal: _signal, ...carried } = call;
  const metadata = new Metadata({ waitForReady: call.deadline !== undefined });
  metadata.set(contextKey, Buffer.from(JSON.stringify(carried)));
  if (call.traceparent) metadata.set('traceparent', call.traceparent);
  return metadata;
}

export function fromMetadata(metadata: Metadata): CallContext {
  const sent = metadata.get(contextKey)[0];
  if (!sent) return { requestId: 'unknown' };
  return JSON.parse(sent.toString()) as CallContext;
}

/** One method as grpc-js wants it. */
export function wireMethod(definition: ServiceDefinition, method: MethodDefinition) {
  const request = method.requestType as MessageType<unknown>;
  const response = method.responseType as MessageType<unknown>;
  return {
    path: `/${definition.fullName}/${method.name}`,
    requestStream: method.requestStream,
    responseStream: method.responseStream,
    requestSerialize: (message: unknown) => Buffer.from(request.encode(message).finish()),
    requestDeserialize: (bytes: Buffer) => request.decode(bytes),
    responseSerialize: (message: unknown) => encodedOnce(message, () => Buffer.from(response.encode(message).finish())),
    responseDeserialize: (bytes: Buffer) => response.decode(bytes),
  };
}

/** Large frames for streams and lists; 64 MiB bounds what one message may hold. */
export const channelOptions = {
  'grpc.max_receive_message_length': 64 * 1024 * 1024,
  'grpc.max_send_message_length': 64 * 1024 * 1024,
  'grpc.keepalive_time_ms': 30_000,
  // Books of every call and connection that nobody reads.
  'grpc.enable_channelz': 0,
  // Peers come back within seconds: who was refused once is tried again soon.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 2_000,
} as const;
