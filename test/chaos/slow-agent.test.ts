import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Operation } from '../http/client.js';
import { asterism } from '../servers/asterism.js';
import { TestServer } from '../servers/server.js';
import { disagreements } from './agreement.js';
import { openKitchen } from './kitchen.js';
import { json, send } from './recipes/recipe.js';
import { throughTrouble } from './trouble.js';

process.env['ASTERISM_COMPOSITION'] = 'processes'; // an agent of its own

let server: TestServer;
let agent = '';
beforeAll(async () => {
  server = await TestServer.start(asterism);
  await openKitchen(server);
  await server.client.change('POST', '/1.0/instances', { name: 'c1', source: { type: 'image', alias: 'busybox' } });
  await server.client.change('PUT', '/1.0/instances/c1/state', { action: 'start', timeout: 30 });
  agent = (await server.shell(`pgrep -o -f services/node-agent/dist/main.js`)).stdout.trim();
});
afterAll(() => server?.remove());

const stop = (): Promise<unknown> => server.shell(`kill -STOP ${agent}`);
const goOn = (): Promise<unknown> => server.shell(`kill -CONT ${agent}`);

describe.skipIf(process.env['ASTERISM_CHAOS'] !== 'full')('an agent that stands still', () => {
  it.each([3, 25])('for %s seconds keeps nobody else from anything, and what it is asked is done when it goes on', async (seconds) => {
    const { client } = server;
    const name = `s${seconds}`;
    await stop();
    const exec = send(client, json('POST', '/1.0/instances/c1/exec', { command: ['sh', '-c', `echo done >> /root/${name}`], 'wait-for-websocket': false, interactive: false }));
    const create = await send(client, json('POST', '/1.0/instances', { name, source: { type: 'image', alias: 'busybox' } }));
    expect(create.status).toBe(202);
    // All of this is answered while it stands still.
    expect((await client.json<Operation>('GET', `${create.operation}/wait?timeout=1`)).metadata.status).toBe('Running');
    expect((await client.json('GET', '/1.0/instances?recursion=1')).http).toBe(200);
    expect((await client.json('GET', '/1.0/instances/c1')).http).toBe(200);
    expect((await client.json('GET', '/1.0/operations?recursion=1')).http).toBe(200);
    expect((await client.json('POST', '/1.0/profiles', { name })).http).toBe(201);
    await sleep(seconds * 1_000);
    await goOn();
    expect((await client.wait(create.operation)).status).toBe('Success');
    const { status, operation } = await exec;
    expect([202, 503]).toContain(status);
    const ran = status === 202 ? (await client.wait(operation)).metadata?.['return'] : undefined;
    if (status === 202) expect(ran).toBe(0);
    const said = (await server.shell(`cat "$LXD_DIR"/storage-pools/default/containers/c1/rootfs/root/${name} 2>/dev/null`)).stdout.trim();
    expect(status === 202 ? ['done'] : ['', 'done']).toContain(said);
    expect(await disagreements(server)).toEqual([]);
  }, 120_000);

  it('again and again under load loses nothing', async () => {
    const problems = await throughTrouble(server, async () => {
      for (let turn = 0; turn < 4; turn++) {
        await stop();
        await sleep(3_000);
        await goOn();
        await sleep(1_000);
      }
    });
    expect(problems).toEqual([]);
  }, 120_000);
});
