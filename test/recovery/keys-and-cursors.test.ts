import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { actions, listen, newest } from '../api/listening.js';
import { launch, scenario } from '../api/scenario.js';
import type { Operation } from '../http/client.js';

const test = scenario();

const instance = (name: string): object => ({ name, source: { type: 'none' } });

function keyed(key: string, method: string, path: string, body?: unknown) {
  return test.client.json<Operation>(method, path, body, { 'Idempotency-Key': key });
}

describe('a request whose server was killed', () => {
  it('has its answer when it is sent again, and happened once, wherever it was', async () => {
    for (const delayMs of [0, 2, 4, 8, 16, 40]) {
      const name = `cut${delayMs}`;
      const keys = { instance: randomUUID(), profile: randomUUID() };
      const first = keyed(keys.instance, 'POST', '/1.0/instances', instance(name)).catch(() => undefined);
      void keyed(keys.profile, 'POST', '/1.0/profiles', { name }).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      await test.server.crash();
      const answered = await first;
      await test.server.launch();
      const again = await keyed(keys.instance, 'POST', '/1.0/instances', instance(name));
      expect([again.http, again.error]).toEqual([202, '']);
      if (answered?.http === 202) expect(again.operation).toBe(answered.operation);
      expect((await test.client.json<Operation>('GET', `${again.operation}/wait?timeout=120`)).metadata).toMatchObject({ status: 'Success' });
      const profile = await keyed(keys.profile, 'POST', '/1.0/profiles', { name });
      expect([profile.http, profile.headers.location, profile.error]).toEqual([201, `/1.0/profiles/${name}`, '']);
      await test.client.change('DELETE', `/1.0/instances/${name}`);
      await test.client.change('DELETE', `/1.0/profiles/${name}`);
    }
  });
});

describe('an operation', () => {
  it('is answered after a crash when it had ended, and its session has failed clearly when it had not', async () => {
    await launch(test.client, 'crashed');
    const ended = await test.client.json<Operation>('POST', '/1.0/instances/crashed/snapshots', { name: 's' });
    await test.client.wait(ended.operation);
    const command = { command: ['sleep', '600'], 'wait-for-websocket': true, interactive: true };
    const session = await test.client.json<Operation>('POST', '/1.0/instances/crashed/exec', command);
    const recorded = await test.client.json<Operation>('POST', '/1.0/instances/crashed/exec', { ...command, 'wait-for-websocket': false, interactive: false });
    await test.server.crash();
    await test.server.launch();
    expect(await test.client.get(ended.operation)).toMatchObject({ status: 'Success' });
    expect(await test.client.get(`${ended.operation}?history=true`)).toMatchObject({ steps: expect.arrayContaining([expect.anything()]) as object[] });
    for (const { operation } of [session, recorded]) {
      const end = await test.client.json<Operation>('GET', `${operation}/wait?timeout=120`);
      expect(end.metadata).toMatchObject({ status: 'Failure', err: expect.stringMatching(/was interrupted$/) as string });
    }
    await test.client.change('PUT', '/1.0/instances/crashed/state', { action: 'stop', force: true });
    await test.client.change('DELETE', '/1.0/instances/crashed');
  });
});

describe('a reader of events', () => {
  it('goes on where it was when the server was killed', async () => {
    const since = await newest(test.client);
    const before = listen(test.server, `since=${since}`);
    await before.open;
    await profile('one');
    await expect.poll(() => before.events.length).toBe(2);
    await profile('two');
    await test.server.crash();
    await test.server.launch();
    await before.closed;
    const seen = before.events.at(-1)!.cursor;
    const after = listen(test.server, `since=${seen}`);
    await after.open;
    await profile('three');
    await expect.poll(() => actions(after.events).length + actions(before.events).length).toBe(6);
    const all = [...before.events, ...after.events].map(({ cursor }) => cursor);
    expect(all).toEqual(all.map((_, index) => since + 1 + index));
    after.close();
  });
});

async function profile(name: string): Promise<void> {
  await test.client.change('POST', '/1.0/profiles', { name });
  await test.client.change('DELETE', `/1.0/profiles/${name}`);
}
