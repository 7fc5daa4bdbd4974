import { request } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { Operation } from '../http/client.js';
import { exec, launch, scenario } from './scenario.js';

const test = scenario();

/** Opens a request, sends `body` and breaks the connection off after a while. */
async function breakOff(method: string, path: string, body: Buffer, headers: Record<string, string>): Promise<void> {
  await new Promise<void>((resolve) => {
    const outgoing = request({ socketPath: test.server.socket, method, path, headers });
    outgoing.once('error', () => resolve());
    outgoing.once('close', () => resolve());
    outgoing.write(body);
    setTimeout(() => outgoing.destroy(), 300);
  });
}

async function running(): Promise<Operation[]> {
  const operations = await test.client.get<Record<string, Operation[]>>('/1.0/operations?recursion=1');
  return operations['running'] ?? [];
}

async function eventually(what: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await what())) {
    if (Date.now() > deadline) throw new Error('it never came');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe('a client that goes away', () => {
  it('takes its command along', async () => {
    await launch(test.client, 'left');
    await test.server.shell('timeout -s KILL 1 lxc exec left -- sleep 7777');
    await eventually(async () => (await running()).length === 0);
    expect((await exec(test.client, 'left', ['sh', '-c', 'ps | grep -c "[s]leep 7777"'])).stdout).toBe('0\n');
  });

  it('may leave an interactive command in the middle of its output', async () => {
    await test.server.shell('timeout -s KILL 1 script -qec "lxc exec left -- yes" /dev/null');
    await eventually(async () => (await running()).length === 0);
    expect((await exec(test.client, 'left', ['sh', '-c', 'ps | grep -c "[y]es$"'])).stdout).toBe('0\n');
  });

  it('does not end what it waited for', async () => {
    const opened = await test.client.json<Operation>('POST', '/1.0/instances/left/exec', { command: ['sleep', '2'], 'wait-for-websocket': false, interactive: false });
    await breakOff('GET', `${opened.operation}/wait`, Buffer.alloc(0), {});
    expect((await test.client.wait(opened.operation)).metadata).toMatchObject({ return: 0 });
  });

  it('leaves the server and the instance at work when it breaks off an upload', async () => {
    const half = Buffer.alloc(1 << 20, 1);
    await breakOff('POST', '/1.0/instances/left/files?path=/root/broken', half, { 'Content-Length': String(64 << 20), 'X-LXD-type': 'file' });
    await breakOff('POST', '/1.0/instances', Buffer.from('{"name":'), { 'Content-Length': '500', 'Content-Type': 'application/json' });
    expect(await test.client.get('/1.0/instances')).toEqual(['/1.0/instances/left']);
    expect((await exec(test.client, 'left', ['echo', 'alive'])).stdout).toBe('alive\n');
    await test.client.change('PUT', '/1.0/instances/left/state', { action: 'stop', force: true });
    await test.client.change('DELETE', '/1.0/instances/left');
    expect(await test.client.get('/1.0/instances')).toEqual([]);
  });
});
