import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Operation } from '../http/client.js';
import { exec, launch, refusal, scenario } from './scenario.js';

const test = scenario();

type Answer = Awaited<ReturnType<typeof test.client.json<Operation>>>;

function keyed(key: string, method: string, path: string, body?: unknown): Promise<Answer> {
  return test.client.json<Operation>(method, path, body, { 'Idempotency-Key': key });
}

const instance = (name: string): object => ({ name, source: { type: 'none' } });

describe('a request with an Idempotency-Key', () => {
  it('runs once and is answered the same again, operation and all', async () => {
    const key = randomUUID();
    const first = await keyed(key, 'POST', '/1.0/instances', instance('once'));
    await test.client.wait(first.operation);
    const second = await keyed(key, 'POST', '/1.0/instances', instance('once'));
    expect(second.headers['idempotent-replayed']).toBe('true');
    expect({ ...second, headers: second.headers.location }).toEqual({ ...first, headers: first.headers.location });
    await test.client.change('DELETE', '/1.0/instances/once');
  });

  it('is answered the same when it was refused, and when it created at once', async () => {
    const profile = randomUUID();
    for (const _ of [1, 2]) {
      const created = await keyed(profile, 'POST', '/1.0/profiles', { name: 'keyed' });
      expect([created.http, created.headers.location]).toEqual([201, '/1.0/profiles/keyed']);
    }
    await test.client.change('DELETE', '/1.0/profiles/keyed');
    const missing = randomUUID();
    expect(refusal(await keyed(missing, 'DELETE', '/1.0/profiles/keyed'))).toMatch(/^404 /);
    await test.client.change('POST', '/1.0/profiles', { name: 'keyed' });
    expect(refusal(await keyed(missing, 'DELETE', '/1.0/profiles/keyed'))).toMatch(/^404 /);
    await test.client.change('DELETE', '/1.0/profiles/keyed');
  });

  it('is refused when the key was used for another one, or is none', async () => {
    const key = randomUUID();
    await keyed(key, 'POST', '/1.0/profiles', { name: 'first' });
    expect(refusal(await keyed(key, 'POST', '/1.0/profiles', { name: 'second' }))).toMatch(/^422 /);
    expect(refusal(await keyed(key, 'DELETE', '/1.0/profiles/first'))).toMatch(/^422 /);
    expect(refusal(await keyed('two words', 'DELETE', '/1.0/profiles/first'))).toMatch(/^400 /);
    await test.client.change('DELETE', '/1.0/profiles/first');
  });

  it('that comes ten times at once runs once', async () => {
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 10 }, () => keyed(key, 'POST', '/1.0/instances', instance('ten'))));
    expect(answers.map(({ http }) => http)).toEqual(Array.from({ length: 10 }, () => 202));
    expect(new Set(answers.map(({ operation }) => operation)).size).toBe(1);
    await test.client.wait(answers[0]!.operation);
    await test.client.change('DELETE', '/1.0/instances/ten');
  });

  it('may carry a stream: the same bytes are written once, others are refused', async () => {
    await launch(test.client, 'streamed');
    const push = (key: string, body: Buffer) =>
      test.client.send({ method: 'POST', path: '/1.0/instances/streamed/files?path=/root/log', headers: { 'Idempotency-Key': key, 'X-LXD-type': 'file', 'X-LXD-write': 'append' }, body });
    for (const size of [3, 3_000_000]) {
      const key = randomUUID();
      await test.client.send({ method: 'DELETE', path: '/1.0/instances/streamed/files?path=/root/log' });
      expect((await push(key, Buffer.alloc(size, 'a'))).status).toBe(200);
      expect((await push(key, Buffer.alloc(size, 'a'))).status).toBe(200);
      expect((await push(key, Buffer.alloc(size, 'b'))).status).toBe(422);
      expect((await exec(test.client, 'streamed', ['wc', '-c', '/root/log'])).stdout).toMatch(new RegExp(`^${size} `));
    }
    await test.lxc('delete -f streamed');
  });

  it('runs a command once', async () => {
    await launch(test.client, 'commanded');
    const key = randomUUID();
    const command = { command: ['sh', '-c', 'echo x >> /root/marks'], 'wait-for-websocket': false, interactive: false };
    const [first, second] = [await keyed(key, 'POST', '/1.0/instances/commanded/exec', command), await keyed(key, 'POST', '/1.0/instances/commanded/exec', command)];
    expect(second.operation).toBe(first.operation);
    await test.client.wait(first.operation);
    expect((await exec(test.client, 'commanded', ['cat', '/root/marks'])).stdout).toBe('x\n');
    await test.lxc('delete -f commanded');
  });
});
