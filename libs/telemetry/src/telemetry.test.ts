import { onBehalfOf, traceOfRequest, watched, type CallContext } from '@asterism/rpc';
import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { causes } from './logger.js';
import { startTelemetry, type Telemetry } from './telemetry.js';

interface OtlpSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  name: string;
  status: { code: number };
  attributes: { key: string; value: { stringValue: string } }[];
}

let telemetry: Telemetry | undefined;
let collector: Server | undefined;
afterEach(async () => {
  await telemetry?.close();
  collector?.close();
  telemetry = collector = undefined;
});

/** A collector of traces on this host. */
async function collect(): Promise<{ endpoint: string; spans: OtlpSpan[] }> {
  const spans: OtlpSpan[] = [];
  collector = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as { resourceSpans: { scopeSpans: { spans: OtlpSpan[] }[] }[] };
      if (request.url === '/v1/traces') spans.push(...body.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)));
      response.end('{}');
    });
  });
  await new Promise<void>((resolve) => collector!.listen(0, '127.0.0.1', resolve));
  return { endpoint: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`, spans };
}

async function work(call: CallContext): Promise<void> {
  await watched({ kind: 'request', name: 'POST /1.0/instances' }, call, (request) =>
    watched({ kind: 'step', name: 'instance.create: root volume' }, request, async (step) => {
      await watched({ kind: 'command', name: 'btrfs' }, step, async () => Promise.reject(new Error('no space'))).catch(() => undefined);
    }),
  );
}

describe('traces', () => {
  it('are one connected tree from the request to the command', async () => {
    const { endpoint, spans } = await collect();
    telemetry = await startTelemetry({ metricsListen: undefined, otlpEndpoint: endpoint, serviceName: 'test' });
    const requestId = randomUUID();
    await work({ requestId, traceparent: traceOfRequest(requestId) });
    await telemetry.close();
    const named = (name: string): OtlpSpan => spans.find((span) => span.name === name)!;
    const [request, step, command] = [named('POST /1.0/instances'), named('instance.create: root volume'), named('btrfs')];
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([requestId.replaceAll('-', '')]));
    expect([request.parentSpanId, step.parentSpanId, command.parentSpanId]).toEqual(['', request.spanId, step.spanId]);
    expect([request.status.code, command.status.code]).toEqual([1, 2]);
  });

  it('go on where the client began them', async () => {
    const { endpoint, spans } = await collect();
    telemetry = await startTelemetry({ metricsListen: undefined, otlpEndpoint: endpoint, serviceName: 'test' });
    await work({ requestId: randomUUID(), traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' });
    await telemetry.close();
    expect(spans.find(({ name }) => name.startsWith('POST'))).toMatchObject({ traceId: '4bf92f3577b34da6a3ce929d0e0e4736', parentSpanId: '00f067aa0ba902b7' });
  });

  it('cost nothing when nobody wants them', async () => {
    telemetry = await startTelemetry({ metricsListen: undefined, otlpEndpoint: undefined, serviceName: 'test' });
    const call = { requestId: 'r' };
    expect(await watched({ kind: 'call', name: 'x' }, call, async (own) => own === call)).toBe(true);
  });
});

describe('metrics of a process', () => {
  it('count its work by name and outcome', async () => {
    const port = await freePort();
    telemetry = await startTelemetry({ metricsListen: `127.0.0.1:${port}`, otlpEndpoint: undefined, serviceName: 'test' });
    await work({ requestId: 'r' });
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(text).toContain('asterism_step_seconds_count{name="instance.create: root volume",outcome="ok"} 1');
    expect(text).toContain('asterism_command_seconds_count{name="btrfs",outcome="internal"} 1');
    expect(text).toContain('process_resident_memory_bytes');
    expect((await fetch(`http://127.0.0.1:${port}/other`)).status).toBe(404);
  });
});

describe('log lines', () => {
  it('say which request and operation they belong to', () => {
    const call = { requestId: 'r', traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', operation: 'o' };
    expect(onBehalfOf(call, causes)).toEqual({ request_id: 'r', trace_id: '4bf92f3577b34da6a3ce929d0e0e4736', operation_id: 'o' });
    expect(causes()).toEqual({});
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
