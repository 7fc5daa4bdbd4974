import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asterism, repository } from '../servers/asterism.js';
import { TestServer } from '../servers/server.js';
import { disagreements } from './agreement.js';
import { openKitchen } from './kitchen.js';
import { json, names, send } from './recipes/recipe.js';
import { throughTrouble } from './trouble.js';

/** Debian's package faketime: the clock of the server and of its PostgreSQL is what a file says; timers go on as ever. */
const library = ['/usr/lib', '/usr/lib64'].flatMap((root) => (existsSync(root) ? readdirSync(root).map((name) => join(root, name, 'faketime/libfaketime.so.1')) : [])).find(existsSync);
const runs = process.env['ASTERISM_CHAOS'] === 'full' && library !== undefined;

let server: TestServer;
const offsetFile = (state: string): string => join(state, '..', 'clock');
beforeAll(async () => {
  server = await TestServer.start({
    ...asterism,
    command(state) {
      const [node = '', ...args] = asterism.command(state);
      return ['sh', '-c', 'test -e "$0" || echo +0 > "$0"; chmod 644 "$0"; exec "$@"', offsetFile(state), node, '--import', join(repository, 'test/chaos/fake-clock.mjs'), ...args];
    },
    env: (state) => ({ ...asterism.env(state), LD_PRELOAD: library!, FAKETIME_TIMESTAMP_FILE: offsetFile(state), FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1', FAKETIME_DONT_RESET: '1' }),
  });
  await openKitchen(server);
});
afterAll(() => server?.remove());

function stepTo(seconds: number): void {
  const path = offsetFile(server.stateDirectory);
  writeFileSync(`${path}.new`, `${seconds < 0 ? '' : '+'}${seconds}\n`);
  renameSync(`${path}.new`, path);
}

const hour = 3_600;

describe.skipIf(!runs)('a clock that is set by hours', () => {
  it('is the clock of the server and of its database', async () => {
    stepTo(5 * hour);
    const { stdout } = await server.shell(`psql -h "$LXD_DIR/database" -U postgres -d postgres -Atc 'SELECT extract(epoch FROM now())'`);
    expect(Number(stdout)).toBeGreaterThan(Date.now() / 1000 + 4 * hour);
    await server.client.change('POST', '/1.0/instances', { name: 'later', source: { type: 'none' } });
    expect(Date.parse((await server.client.get<{ created_at: string }>('/1.0/instances/later')).created_at)).toBeGreaterThan(Date.now() + 4 * hour * 1000);
    stepTo(0);
  });

  it.each([[3 * hour], [-3 * hour]])('by %s seconds under load loses nothing and does nothing twice', async (seconds) => {
    const problems = await throughTrouble(server, async () => {
      await sleep(1_000);
      stepTo(seconds);
      await sleep(7_000);
      stepTo(0);
      await sleep(3_000);
    });
    expect(problems).toEqual([]);
  }, 120_000);

  it.each([[3 * hour], [-3 * hour]])('by %s seconds while a request with a key is under way: it is answered once, and done once', async (seconds) => {
    const name = `k${seconds < 0 ? 'back' : 'on'}`;
    const volume = { ...json('POST', '/1.0/storage-pools/default/volumes/custom', { name }), headers: { 'Content-Type': 'application/json', 'Idempotency-Key': randomUUID() } };
    const first = send(server.client, volume);
    stepTo(seconds);
    const again = await Promise.all([first, send(server.client, volume), send(server.client, volume)]);
    expect([...new Set(again.map(({ status }) => status))]).toEqual([again[0]!.status]);
    expect((await send(server.client, volume)).status).toBe(again[0]!.status);
    expect((await names(server.client, '/1.0/storage-pools/default/volumes/custom')).split(' ').filter((each) => each === name)).toHaveLength(1);
    stepTo(0);
  });

  it('keeps operations, waits and events going', async () => {
    await server.client.change('POST', '/1.0/instances', { name: 'steps', source: { type: 'image', alias: 'busybox' } });
    await server.client.change('PUT', '/1.0/instances/steps/state', { action: 'start', timeout: 30 });
    const running = await send(server.client, json('POST', '/1.0/instances/steps/exec', { command: ['sleep', '4'], 'wait-for-websocket': false, interactive: false }));
    const waiting = server.client.wait(running.operation);
    stepTo(-3 * hour);
    await sleep(1_000);
    stepTo(6 * hour);
    expect((await waiting).metadata?.['return']).toBe(0);
    expect((await server.client.get<{ status: string }>('/1.0/instances/steps')).status).toBe('Running');
    stepTo(0);
    await server.client.change('PUT', '/1.0/instances/steps/state', { action: 'stop', force: true });
    expect(await disagreements(server)).toEqual([]);
  });

  it('survives a start in another hour', async () => {
    await server.end('SIGTERM');
    stepTo(-2 * hour);
    await server.launch();
    await server.client.change('POST', '/1.0/instances', { name: 'earlier', source: { type: 'image', alias: 'busybox' } });
    await server.crash();
    stepTo(4 * hour);
    await server.launch();
    await server.client.change('DELETE', '/1.0/instances/earlier');
    expect(await disagreements(server)).toEqual([]);
  });
});
