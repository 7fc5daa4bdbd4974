import { currentCall, traceIdOf } from '@asterism/rpc';
import { pino, type Logger } from 'pino';

export type { Logger };

/** Structured lines on standard error; level by ASTERISM_LOG ("info" when unset). What is logged on behalf of a call says of which. */
export function createLogger(service: string): Logger {
  return pino({ name: service, level: process.env['ASTERISM_LOG'] ?? 'info', base: { service }, mixin: causes }, pino.destination({ dest: 2, sync: true }));
}

/** Ids of the request, its trace and the operation that a line belongs to. */
export function causes(): Record<string, string> {
  const call = currentCall();
  if (!call) return {};
  const trace = traceIdOf(call.traceparent);
  return { request_id: call.requestId, ...(trace ? { trace_id: trace } : {}), ...(call.operation ? { operation_id: call.operation } : {}) };
}
