import { traceIdOf, type CallContext, type Work } from '@asterism/rpc';
import { randomBytes } from 'node:crypto';

export interface Span {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  name: string;
  kind: number;
  startMs: number;
  endMs: number;
  attributes: Record<string, string>;
  failed: boolean;
}

/** SpanKind of OpenTelemetry. */
const kinds: Record<Work['kind'], number> = { request: 2, call: 1, step: 1, command: 3 };

/** A span below the one that the call belongs to, and the call as what happens inside should carry it. */
export function beginSpan<C extends CallContext | undefined>(work: Work, call: C): { call: C; span: Span } {
  const [version = '00', , parent = '', flags = '01'] = call?.traceparent?.split('-') ?? [];
  const traceId = traceIdOf(call?.traceparent) ?? randomBytes(16).toString('hex');
  const span: Span = {
    traceId,
    spanId: randomBytes(8).toString('hex'),
    parentSpanId: isRoot(work, traceId, parent) ? '' : parent,
    name: work.name,
    kind: kinds[work.kind],
    startMs: performance.timeOrigin + performance.now(),
    endMs: 0,
    attributes: { ...(call ? { 'asterism.request_id': call.requestId } : {}), ...(call?.operation ? { 'asterism.operation_id': call.operation } : {}) },
    failed: false,
  };
  return { call: call && { ...call, traceparent: `${version}-${traceId}-${span.spanId}-${flags}` }, span };
}

/** Where the client brought no trace, the one that began here has no span above the request's. */
function isRoot(work: Work, traceId: string, parent: string): boolean {
  return work.kind === 'request' && traceId.endsWith(parent);
}

/** As OTLP's JSON has it (opentelemetry-proto, ExportTraceServiceRequest). */
export function exportRequest(serviceName: string, spans: readonly Span[]): object {
  return {
    resourceSpans: [{ resource: { attributes: attributes({ 'service.name': serviceName }) }, scopeSpans: [{ scope: { name: 'asterism' }, spans: spans.map(otlpSpan) }] }],
  };
}

function otlpSpan({ startMs, endMs, attributes: labels, failed, ...span }: Span): object {
  return { ...span, startTimeUnixNano: nanoseconds(startMs), endTimeUnixNano: nanoseconds(endMs), attributes: attributes(labels), status: { code: failed ? 2 : 1 } };
}

function attributes(labels: Record<string, string>): object[] {
  return Object.entries(labels).map(([key, stringValue]) => ({ key, value: { stringValue } }));
}

function nanoseconds(milliseconds: number): string {
  return (BigInt(Math.round(milliseconds * 1000)) * 1000n).toString();
}
