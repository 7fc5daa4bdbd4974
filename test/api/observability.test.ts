import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Operation } from '../http/client.js';
import { scenario } from './scenario.js';

const [metricsPort, collectorPort] = [19_464, 14_318];
process.env['ASTERISM_METRICS_LISTEN'] = `127.0.0.1:${metricsPort}`;
process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = `http://127.0.0.1:${collectorPort}`;
const test = scenario();

interface Span {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  name: string;
}

/** A collector on the server's host, which nobody else can reach. */
const collector = `
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => (body += chunk)).on('end', () => {
    for (const { scopeSpans } of JSON.parse(body || '{"resourceSpans":[]}').resourceSpans) for (const { spans } of scopeSpans) for (const span of spans) appendFileSync('spans', JSON.stringify(span) + '\\n');
    response.end('{}');
  });
}).listen(${collectorPort}, '127.0.0.1');
`;

describe('what can be observed of a server', () => {
  it('is one connected trace from the request to the commands of the host, and metrics of each process', async () => {
    await writeFile(join(test.server.work, 'collector.mjs'), collector);
    await test.server.shell(`${process.execPath} collector.mjs > /dev/null 2>&1 &`);
    await expect.poll(async () => (await test.server.shell(`ss -ltn | grep -c :${collectorPort}`)).code, { timeout: 20_000 }).toBe(0);
    const trace = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';
    const headers = { traceparent: `00-${trace}-00f067aa0ba902b7-01` };
    const created = await test.client.json<Operation>('POST', '/1.0/instances', { name: 'traced', source: { type: 'image', alias: 'busybox' } }, headers);
    await test.client.wait(created.operation);
    const started = await test.client.json<Operation>('PUT', '/1.0/instances/traced/state', { action: 'start' }, headers);
    await test.client.wait(started.operation);

    const read = async (): Promise<Span[]> => {
      const { stdout } = await test.server.shell('cat spans 2>/dev/null || true');
      return stdout.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Span).filter(({ traceId }) => traceId === trace);
    };
    const names = async (): Promise<string[]> => (await read()).map(({ name }) => name);
    await expect.poll(names, { timeout: 20_000 }).toEqual(expect.arrayContaining(['POST /1.0/instances', 'PUT /1.0/instances/:name/state', expect.stringMatching(/AgentInstances\/Start$/), expect.stringMatching(/^instance\.create: /)]));
    await expect
      .poll(async () => {
        const spans = await read();
        const known = new Set([...spans.map(({ spanId }) => spanId), '00f067aa0ba902b7']);
        return spans.filter(({ parentSpanId }) => !known.has(parentSpanId)).map(({ name }) => name);
      }, { timeout: 20_000 })
      .toEqual([]);

    const { stdout } = await test.server.shell(`${process.execPath} -e "fetch('http://127.0.0.1:${metricsPort}/metrics').then(async (answer) => console.log(await answer.text()))"`);
    expect(stdout).toMatch(/^asterism_call_seconds_count\{name="asterism\.operations\.v1\.Operations\/Open",outcome="ok"\} [1-9]/m);
    expect(stdout).toContain('nodejs_eventloop_lag_seconds');
    await test.lxc('delete -f traced');
  });
});
