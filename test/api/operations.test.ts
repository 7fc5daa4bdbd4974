import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { busyboxImage } from '@asterism/images/busybox';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Operation } from '../http/client.js';
import { launch, refusal, scenario } from './scenario.js';

const test = scenario();

interface Event {
  type: string;
  project: string;
  metadata: { action?: string; source?: string; status?: string; id?: string; metadata?: Record<string, unknown> };
}

function listen(query: string): { events: Event[]; close(): void; open: Promise<void> } {
  const socket = new WebSocket(`ws+unix://${test.server.socket}:/1.0/events?${query}`);
  const events: Event[] = [];
  socket.on('message', (data: Buffer) => events.push(JSON.parse(data.toString()) as Event));
  return { events, close: () => socket.close(), open: new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject)) };
}

/** A server of images on the server's host that sends one drop by drop, until there is a file "go". */
const slowly = `
const { existsSync, readFileSync } = require('node:fs');
const image = readFileSync('slow.tar.gz');
const answer = (metadata) => JSON.stringify({ type: 'sync', status: 'Success', status_code: 200, metadata });
require('node:https').createServer({ key: readFileSync('slow.key'), cert: readFileSync('slow.crt') }, async ({ url }, to) => {
  if (!url.endsWith('/export')) return to.end(answer({ fingerprint: process.argv[1], filename: 'slow.tar.gz', architecture: 'x86_64', properties: {}, created_at: '2024-01-01T00:00:00Z', expires_at: '1970-01-01T00:00:00Z', auth: 'untrusted' }));
  to.setHeader('content-type', 'application/octet-stream');
  let sent = 0;
  for (; sent < image.length - 64 && !existsSync('go'); sent += 64) {
    to.write(image.subarray(sent, sent + 64));
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  to.end(image.subarray(sent));
}).listen(18600, '127.0.0.1');`;

async function slowRemote(): Promise<{ certificate: string; fingerprint: string }> {
  const { work } = test.server;
  await test.client.change('POST', '/1.0/projects', { name: 'slow', config: { 'features.images': 'true' } });
  const image = await busyboxImage(readFileSync('/bin/busybox'), { description: 'Slow' });
  const fingerprint = createHash('sha256').update(image).digest('hex');
  writeFileSync(join(work, 'slow.tar.gz'), image);
  writeFileSync(join(work, 'slow.cjs'), slowly);
  const made = await test.server.shell(
    `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=slow -addext subjectAltName=IP:127.0.0.1 -keyout slow.key -out slow.crt 2>&1 && (setsid ${process.execPath} -e "$(cat slow.cjs)" ${fingerprint} >/dev/null 2>&1 </dev/null &)`,
  );
  expect([made.code, made.stderr]).toEqual([0, '']);
  await expect.poll(async () => (await test.server.shell('curl -sk --max-time 5 https://127.0.0.1:18600/1.0')).code, { timeout: 20_000 }).toBe(0);
  return { certificate: readFileSync(join(work, 'slow.crt'), 'utf8'), fingerprint };
}

describe('operations', () => {
  it('are answered at once, listed, and waited for', async () => {
    const opened = await test.client.json<Operation>('POST', '/1.0/instances', { name: 'op', source: { type: 'none' } });
    expect(opened).toMatchObject({ http: 202, type: 'async', status: 'Operation created', status_code: 100 });
    expect(opened.headers.location).toBe(opened.operation);
    expect((await test.client.json<Operation>('GET', `${opened.operation}/wait`)).metadata).toMatchObject({ status: 'Success', status_code: 200, err: '' });
    expect(await test.client.get('/1.0/operations')).toMatchObject({ success: expect.arrayContaining([opened.operation]) as string[] });
    await test.client.change('DELETE', '/1.0/instances/op');
  });

  it('are known after their end, with who asked for them and when their steps ran', async () => {
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    const opened = await test.client.json<Operation>('POST', '/1.0/instances', { name: 'kept', source: { type: 'image', alias: 'busybox' } }, { traceparent: `00-${trace}-00f067aa0ba902b7-01` });
    await test.client.wait(opened.operation);
    const record = await test.client.get<Record<string, unknown>>(`${opened.operation}?history=true`);
    expect(record).toMatchObject({ status: 'Success', trace_id: trace, requestor: { username: 'root', protocol: 'unix' }, steps: expect.arrayContaining([expect.objectContaining({ finished_at: expect.any(String) as string })]) as object[] });
    expect(await test.client.get(opened.operation)).not.toHaveProperty('steps');
    const history = await test.client.get<Record<string, { id: string }[]>>('/1.0/operations?history=true&recursion=1');
    expect(history['success']!.map(({ id }) => id)).toContain(record['id']);
    const later = encodeURIComponent(new Date(Date.now() + 60_000).toISOString());
    expect((await test.client.get<Record<string, unknown>>(`/1.0/operations?history=${later}`))['success']).toBeUndefined();
    expect(refusal(await test.client.json('GET', '/1.0/operations?history=yesterday'))).toMatch(/^400 Invalid history/);
    await test.client.change('DELETE', '/1.0/instances/kept');
  });

  it('are kept as long as server and project say', async () => {
    await test.client.change('PATCH', '/1.0', { config: { 'operations.retention': '30', 'events.retention': '2', 'idempotency.retention': '48' } });
    expect(refusal(await test.client.json('PATCH', '/1.0', { config: { 'operations.retention': '0' } }))).toMatch(/between 1 and 3650/);
    await test.client.change('POST', '/1.0/projects', { name: 'brief', config: { 'operations.retention': '1' } });
    await test.client.change('DELETE', '/1.0/projects/brief');
    await test.client.change('PATCH', '/1.0', { config: { 'operations.retention': '', 'events.retention': '', 'idempotency.retention': '' } });
  });

  it('say why they failed', async () => {
    await launch(test.client, 'running');
    expect(refusal(await test.client.json('DELETE', '/1.0/instances/running'))).toMatch(/^400 .*running/i);
    const again = await test.client.json<Operation>('PUT', '/1.0/instances/running/state', { action: 'start' });
    const words = again.type === 'error' ? again.error : (await test.client.json<Operation>('GET', `${again.operation}/wait`)).metadata.err;
    expect(words).toMatch(/already running/i);
    await test.lxc('delete -f running');
  });

  it('tell how far a download has come, as the reference does', async () => {
    const { certificate, fingerprint } = await slowRemote();
    const source = { type: 'image', mode: 'pull', protocol: 'lxd', server: 'https://127.0.0.1:18600', certificate, fingerprint };
    const { operation } = await test.client.json<Operation>('POST', '/1.0/images?project=slow', { source });
    const told = async (): Promise<unknown> => (await test.client.get<Operation>(operation)).metadata?.['download_progress'];
    await expect.poll(told, { timeout: 60_000 }).toMatch(/^rootfs: \d+(\.\d\d)?k?B \(\d+(\.\d\d)?k?B\/s\)$/);
    writeFileSync(join(test.server.work, 'go'), '');
    expect((await test.client.json<Operation>('GET', `${operation}/wait?timeout=60`)).metadata).toMatchObject({ status: 'Success', err: '' });
    await test.client.change('DELETE', `/1.0/images/${fingerprint}?project=slow`);
    await test.client.change('DELETE', '/1.0/projects/slow');
  });

  it('keep their sockets’ secrets from everybody but their creator, and open each socket once', async () => {
    await launch(test.client, 'secretive');
    const opened = await test.client.json<Operation>('POST', '/1.0/instances/secretive/exec', { command: ['cat'], 'wait-for-websocket': true, interactive: false });
    const fds = opened.metadata.metadata?.['fds'] as Record<string, string>;
    expect(Object.keys(fds).sort()).toEqual(['0', '1', '2', 'control']);
    expect(JSON.stringify(await test.client.get(opened.operation))).not.toContain(fds['0']);
    expect(JSON.stringify(await test.client.get('/1.0/operations?recursion=1'))).not.toContain(fds['0']);
    const join = (secret: string): Promise<number> =>
      new Promise((resolve) => {
        const socket = new WebSocket(`ws+unix://${test.server.socket}:${opened.operation}/websocket?secret=${secret}`);
        socket.once('open', () => resolve(101)).once('unexpected-response', (_, response) => resolve(response.statusCode ?? 0)).once('error', () => resolve(0));
      });
    expect(await join('f'.repeat(64))).toBeGreaterThanOrEqual(400);
    expect(await join(fds['0']!)).toBe(101);
    expect(await join(fds['0']!)).toBeGreaterThanOrEqual(400);
    await test.lxc('delete -f secretive');
  });
});

describe('events', () => {
  it('tell of lifecycle and operations in order, each in its project', async () => {
    await test.client.change('POST', '/1.0/projects', { name: 'other', config: {} });
    const mine = listen('type=lifecycle,operation');
    const others = listen('type=lifecycle&project=other');
    await Promise.all([mine.open, others.open]);
    await test.client.change('POST', '/1.0/instances', { name: 'told', source: { type: 'none' } });
    await test.client.change('DELETE', '/1.0/instances/told');
    await expect.poll(() => mine.events.filter(({ type }) => type === 'lifecycle').map(({ metadata }) => metadata.action)).toEqual(['instance-created', 'instance-deleted']);
    const states = mine.events.filter(({ type }) => type === 'operation').map(({ metadata }) => metadata.status);
    expect(states.slice(0, 3)).toEqual(['Pending', 'Running', 'Success']);
    expect(others.events).toEqual([]);
    mine.close();
    others.close();
    await test.client.change('DELETE', '/1.0/projects/other');
  });

  it('of unknown types are refused', async () => {
    expect(refusal(await test.client.json('GET', '/1.0/events?type=gossip', undefined, { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==' }))).toMatch(
      /isn't a supported event type/,
    );
  });
});
