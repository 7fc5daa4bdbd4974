import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { event } from './event.js';
import { NatsEventBus } from './nats-event-bus.js';

let directory: string;
let url: string;
let nats: ChildProcess;
const crashes: unknown[] = [];
const crash = (reason: unknown): void => void crashes.push(reason);

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'asterism-nats-'));
  const free = createServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const { port } = free.address() as AddressInfo;
  free.close();
  await once(free, 'close');
  url = `nats://127.0.0.1:${port}`;
  nats = spawn('nats-server', ['--addr', '127.0.0.1', '--port', String(port), '--jetstream', '--store_dir', directory], { stdio: 'ignore' });
  process.on('unhandledRejection', crash);
});

afterEach(async () => {
  await stopServer();
  process.off('unhandledRejection', crash);
  rmSync(directory, { recursive: true, force: true });
});

async function stopServer(): Promise<void> {
  if (nats.exitCode !== null || nats.signalCode !== null) return;
  nats.kill('SIGKILL');
  await once(nats, 'exit');
}

/** A bus with one event in the hands of a consumer, who keeps it until told. */
async function busAtWork(): Promise<{ bus: NatsEventBus; finish(error?: Error): void }> {
  const bus = await NatsEventBus.connect({ url, ackWaitMs: 1_000 });
  let finish!: (error?: Error) => void;
  const taken = new Promise<void>((resolve) => {
    void bus.consume('test', ['agent.ready'], async () => {
      resolve();
      await new Promise<void>((done, fail) => (finish = (error) => (error ? fail(error) : done())));
    }).then(async () => bus.publish(event('agent.ready', { member: 'm1' })));
  });
  await taken;
  return { bus, finish };
}

test.each(['is done', 'fails'])('a consumer that %s after the bus was closed crashes nothing', async (end) => {
  const { bus, finish } = await busAtWork();
  await bus.close();
  finish(end === 'fails' ? new Error('the database is gone') : undefined);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(crashes).toEqual([]);
});

test('a bus whose server is gone closes all the same', async () => {
  const { bus, finish } = await busAtWork();
  await stopServer();
  await bus.close();
  finish(new Error('the connection is gone'));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(crashes).toEqual([]);
});

test('an event that is longer than a message may be arrives whole, in order with others, for consumers and subscribers', async () => {
  const bus = await NatsEventBus.connect({ url });
  const message = 'é'.repeat(1_500_000);
  const consumed: number[] = [];
  const heard: number[] = [];
  await bus.subscribe(['logging'], ({ payload }) => void heard.push(payload.message.length));
  await bus.consume('large', ['logging', 'agent.ready'], ({ kind, payload }) => void consumed.push(kind === 'logging' ? payload.message.length : 0));
  const large = event('logging', { message, level: 'info' });
  await bus.publish(large);
  await bus.publish(large);
  await bus.publish(event('agent.ready', { member: 'm1' }));
  await expect.poll(() => consumed, { timeout: 10_000 }).toEqual([message.length, 0]);
  await expect.poll(() => heard.length, { timeout: 10_000 }).toBeGreaterThan(0);
  expect(new Set(heard)).toEqual(new Set([message.length]));
  await bus.close();
});

test('what a killed process had taken comes to the next one, who has caught up then and not before', async () => {
  const killed = await busAtWork();
  expect(await Promise.race([killed.bus.caughtUp('test'), new Promise((resolve) => setTimeout(resolve, 300, 'not yet'))])).toBe('not yet');
  // As after kill -9: its connection is gone, and it answers nothing.
  await killed.bus.close();
  const bus = await NatsEventBus.connect({ url, ackWaitMs: 1_000 });
  const seen: string[] = [];
  await bus.consume('test', ['agent.ready'], async ({ payload }) => void seen.push(payload.member));
  expect(await bus.caughtUp('test')).toBe(true);
  expect(seen).toEqual(['m1']);
  await bus.close();
}, 60_000);
