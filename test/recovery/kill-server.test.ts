import { describe, expect, it } from 'vitest';
import { exec, launch, scenario } from '../api/scenario.js';
import type { Operation } from '../http/client.js';

const test = scenario();

interface State {
  status: string;
  pid: number;
}

async function killAndRestart(): Promise<void> {
  await test.server.end('SIGKILL');
  await test.server.launch();
}

/** What a half-made instance could leave on the host. */
async function traces(name: string): Promise<string> {
  const state = test.server.stateDirectory;
  const { stdout } = await test.server.shell(
    `ls ${state}/containers ${state}/storage-pools/default/containers ${state}/devices ${state}/logs 2>/dev/null | grep ${name}; grep ${name} /proc/self/mountinfo; find /sys/fs/cgroup -maxdepth 3 -name '*${name}*'; nft list ruleset | grep ${name}; grep -r ${name} ${state}/networks`,
  );
  return stdout;
}

describe('a server that is killed', () => {
  it('leaves its instances running, finds them again, and they can be used and stopped', async () => {
    await launch(test.client, 'survivor');
    const before = await test.client.get<State>('/1.0/instances/survivor/state');
    await test.server.end('SIGKILL');
    expect((await test.server.shell(`kill -0 ${before.pid}`)).code).toBe(0);
    await test.server.launch();
    const after = await test.client.get<State>('/1.0/instances/survivor/state');
    expect(after).toMatchObject({ status: 'Running', pid: before.pid });
    expect(await exec(test.client, 'survivor', ['echo', 'alive'])).toEqual({ code: 0, stdout: 'alive\n' });
    await test.client.change('PUT', '/1.0/instances/survivor/state', { action: 'stop', timeout: 30 });
    await test.client.change('DELETE', '/1.0/instances/survivor');
  });

  it('sees what ended while it was away', async () => {
    await launch(test.client, 'leaver');
    const { pid } = await test.client.get<State>('/1.0/instances/leaver/state');
    await test.server.end('SIGKILL');
    expect((await test.server.shell(`kill -9 ${pid}`)).code).toBe(0);
    await test.server.launch();
    expect(await test.client.get('/1.0/instances/leaver')).toMatchObject({ status: 'Stopped' });
    await test.client.change('PUT', '/1.0/instances/leaver/state', { action: 'start', timeout: 30 });
    expect((await exec(test.client, 'leaver', ['true'])).code).toBe(0);
    await test.lxc('delete -f leaver');
  });

  it('ends a launch that it was killed in, one way or the other, wherever it was', async () => {
    for (const delayMs of [0, 5, 15, 30, 60, 90, 140]) {
      const name = `cut${delayMs}`;
      const opened = await test.client.json<Operation>('POST', '/1.0/instances', { name, source: { type: 'image', alias: 'busybox' } });
      expect(opened.http).toBe(202);
      const started = test.client
        .wait(opened.operation)
        .then(() => test.client.json('PUT', `/1.0/instances/${name}/state`, { action: 'start', timeout: 30 }))
        .catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      await killAndRestart();
      await started;
      // The start may have been accepted before the end: a client that deletes looks at the state first, which is not that of a start under way.
      const operations = Object.values(await test.client.get<Record<string, string[]>>('/1.0/operations')).flat();
      for (const operation of [opened.operation, ...operations]) await test.client.json('GET', `${operation}/wait?timeout=120`);
      const known = (await test.client.json('GET', `/1.0/instances/${name}`)).http === 200;
      if (known) await test.lxc(`delete -f ${name}`);
      expect(await traces(name)).toBe('');
    }
    const links = await test.server.shell('ip -o link show type veth');
    expect(links.stdout).toBe('');
  });

  it('stops on request and leaves instances running', async () => {
    await launch(test.client, 'stayer');
    const { pid } = await test.client.get<State>('/1.0/instances/stayer/state');
    await test.server.end('SIGTERM');
    expect((await test.server.shell(`kill -0 ${pid}`)).code).toBe(0);
    await test.server.launch();
    expect(await test.client.get<State>('/1.0/instances/stayer/state')).toMatchObject({ status: 'Running', pid });
    await test.lxc('delete -f stayer');
  });
});
