import { describe, expect, it } from 'vitest';
import type { Operation } from '../http/client.js';
import { exec, launch, refusal, scenario } from './scenario.js';

const test = scenario();

interface State {
  status: string;
  pid: number;
  network: Record<string, { addresses: { family: string; address: string; scope: string }[]; host_name: string }> | null;
}

describe('an instance', () => {
  it('is created, started, used, stopped and deleted, and leaves nothing', async () => {
    await launch(test.client, 'life');
    const state = await test.client.get<State>('/1.0/instances/life/state');
    expect(state).toMatchObject({ status: 'Running' });
    expect((await test.server.shell(`cat /proc/${state.pid}/uid_map`)).stdout.trim()).toMatch(/^0\s+[1-9]/);
    expect(await exec(test.client, 'life', ['sh', '-c', 'echo $A; pwd; id -u'], { environment: { A: 'b' }, cwd: '/tmp', user: 7 })).toEqual({ code: 0, stdout: 'b\n/tmp\n7\n' });
    expect(await exec(test.client, 'life', ['sh', '-c', 'exit 42'])).toMatchObject({ code: 42 });
    const hostName = state.network!['eth0']!.host_name;
    await test.client.change('PUT', '/1.0/instances/life/state', { action: 'stop', timeout: 30 });
    await test.client.change('DELETE', '/1.0/instances/life');
    const left = await test.server.shell(`ip -o link show ${hostName}; ls ${test.server.stateDirectory}/containers ${test.server.stateDirectory}/storage-pools/default/containers ${test.server.stateDirectory}/logs; grep life /proc/self/mountinfo; nft list ruleset | grep life`);
    expect(left.stdout).not.toContain('life');
  });

  it('gets an address, its neighbours find it by name, and the host reaches it', async () => {
    await launch(test.client, 'left');
    await launch(test.client, 'right');
    const address = await eventually(async () => {
      const { network } = await test.client.get<State>('/1.0/instances/left/state');
      return network?.['eth0']?.addresses.find((one) => one.family === 'inet' && one.scope === 'global')?.address;
    });
    expect(await test.server.shell(`ping -c 1 -W 5 ${address}`)).toMatchObject({ code: 0 });
    await eventually(async () => (await exec(test.client, 'right', ['ping', '-c', '1', '-W', '2', 'left'])).code === 0 || undefined);
    await Promise.all(['left', 'right'].map((name) => test.lxc(`delete -f ${name}`)));
  });

  it('is listed by name, as an object, and with its state', async () => {
    await launch(test.client, 'shown');
    expect(await test.client.get('/1.0/instances')).toContain('/1.0/instances/shown');
    expect(await test.client.get('/1.0/containers')).toContain('/1.0/containers/shown');
    const [object] = await test.client.get<{ name: string; expanded_devices: Record<string, unknown> }[]>('/1.0/instances?recursion=1&filter=name%20eq%20shown');
    expect(object).toMatchObject({ name: 'shown', status: 'Running', location: 'none', profiles: ['default'], expanded_devices: { root: { path: '/' } } });
    const [full] = await test.client.get<{ state: State; snapshots: unknown[] | null }[]>('/1.0/instances?recursion=2&filter=name%20eq%20shown');
    expect(full).toMatchObject({ state: { status: 'Running' } });
    expect(await test.lxc('list --format csv -c ns')).toContain('shown,RUNNING');
    await test.lxc('delete -f shown');
  });

  it('goes back to a snapshot, and is copied and renamed', async () => {
    await launch(test.client, 'origin');
    await exec(test.client, 'origin', ['sh', '-c', 'echo one > /root/file']);
    await test.client.change('POST', '/1.0/instances/origin/snapshots', { name: 'before', stateful: false });
    await exec(test.client, 'origin', ['sh', '-c', 'echo two > /root/file']);
    await test.client.change('PUT', '/1.0/instances/origin', { restore: 'before' });
    expect((await exec(test.client, 'origin', ['cat', '/root/file'])).stdout).toBe('one\n');
    await test.client.change('POST', '/1.0/instances', { name: 'copied', profiles: ['default'], source: { type: 'copy', source: 'origin' } });
    expect(await test.client.get('/1.0/instances/copied/snapshots')).toEqual(['/1.0/instances/copied/snapshots/before']);
    expect(refusal(await test.client.json('POST', '/1.0/instances/origin', { name: 'other' }))).toMatch(/^(400|202)/);
    await test.client.change('POST', '/1.0/instances/copied', { name: 'renamed' });
    await test.client.change('PUT', '/1.0/instances/renamed/state', { action: 'start', timeout: 30 });
    expect((await exec(test.client, 'renamed', ['cat', '/root/file', '/etc/hostname'])).stdout).toMatch(/^one\n/);
    await Promise.all(['origin', 'renamed'].map((name) => test.lxc(`delete -f ${name}`)));
  });

  it('takes and gives files with modes and owners', async () => {
    await launch(test.client, 'files');
    const push = (path: string, body: string, headers: Record<string, string>): Promise<{ status: number }> => test.client.send({ method: 'POST', path: `/1.0/instances/files/files?path=${path}`, headers, body });
    expect(await push('/root/a', 'hello', { 'X-LXD-mode': '0640', 'X-LXD-uid': '3', 'X-LXD-gid': '4', 'Content-Type': 'application/octet-stream' })).toMatchObject({ status: 200 });
    const pulled = await test.client.send({ path: '/1.0/instances/files/files?path=/root/a' });
    expect(pulled.body.toString()).toBe('hello');
    expect(pulled.headers).toMatchObject({ 'x-lxd-mode': '0640', 'x-lxd-uid': '3', 'x-lxd-gid': '4', 'x-lxd-type': 'file' });
    expect((await exec(test.client, 'files', ['stat', '-c', '%a %u %g', '/root/a'])).stdout).toBe('640 3 4\n');
    const big = Buffer.alloc(16 * 1024 * 1024, 7);
    await test.client.send({ method: 'POST', path: '/1.0/instances/files/files?path=/root/big', headers: { 'Content-Type': 'application/octet-stream' }, body: big });
    expect((await test.client.send({ path: '/1.0/instances/files/files?path=/root/big' })).body.equals(big)).toBe(true);
    expect((await test.client.send({ path: '/1.0/instances/files/files?path=/nope' })).status).toBe(404);
    await test.lxc('delete -f files');
  });

  it('is interactive for the real client, twenty times at once', async () => {
    await launch(test.client, 'busy');
    expect(await test.lxc('exec busy -- sh -c "cat; echo done"', 'typed\n')).toBe('typed\ndone\n');
    expect((await test.server.shell('lxc exec busy -- sh -c "exit 9"')).code).toBe(9);
    const all = await Promise.all([...Array(20).keys()].map((index) => test.lxc(`exec busy -- echo ${index}`)));
    expect(all.map((line) => line.trim())).toEqual([...Array(20).keys()].map(String));
    const size = await test.server.shell(`script -qec "stty rows 33 cols 99; lxc exec busy -- stty size" /dev/null`);
    expect(size.stdout).toContain('33 99');
    await test.lxc('delete -f busy');
  });
});

describe('what cannot be', () => {
  it.each([
    ['a name with a dot', { name: 'a.b' }],
    ['a name that is too long', { name: 'a'.repeat(64) }],
    ['a name that begins with a digit', { name: '1a' }],
    ['an unknown profile', { name: 'x', profiles: ['nope'] }],
    ['an unknown pool', { name: 'x', devices: { root: { type: 'disk', path: '/', pool: 'nope' } } }],
    ['an unknown network', { name: 'x', devices: { eth0: { type: 'nic', network: 'nope' } } }],
    ['an unknown key', { name: 'x', config: { 'limits.nonsense': '1' } }],
    ['a control character in a value', { name: 'x', config: { 'raw.lxc': 'lxc.apparmor.profile=x\u0000' } }],
  ])('is refused: %s', async (_, body) => {
    const answer = await test.client.json<Operation>('POST', '/1.0/instances', { source: { type: 'image', alias: 'busybox' }, ...body });
    const failed = answer.type === 'async' ? (await test.client.json<Operation>('GET', `${answer.operation}/wait`)).metadata : undefined;
    expect(failed ? failed.status_code : answer.http).toBeGreaterThanOrEqual(400);
    expect(failed?.err ?? answer.error).not.toBe('');
    expect(await test.client.get('/1.0/instances')).toEqual([]);
    expect((await test.server.shell(`ls ${test.server.stateDirectory}/storage-pools/default/containers`)).stdout).toBe('');
  });

  it('has one winner when two take the same name at once', async () => {
    const create = (): Promise<unknown> => test.client.change('POST', '/1.0/instances', { name: 'contested', source: { type: 'none' } });
    const results = await Promise.allSettled([create(), create(), create(), create()]);
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
    await test.client.change('DELETE', '/1.0/instances/contested');
  });

  it('is not lost by a stale ETag', async () => {
    await test.client.change('POST', '/1.0/instances', { name: 'tagged', source: { type: 'none' } });
    const read = await test.client.json<{ description: string }>('GET', '/1.0/instances/tagged');
    const etag = String(read.headers.etag);
    await test.client.change('PATCH', '/1.0/instances/tagged', { config: { 'user.a': '1' } });
    expect((await test.client.json('PUT', '/1.0/instances/tagged', { config: {} }, { 'If-Match': etag })).http).toBe(412);
    await test.client.change('DELETE', '/1.0/instances/tagged');
  });
});

async function eventually<T>(attempt: () => Promise<T | undefined>): Promise<T> {
  for (let left = 100; ; left--) {
    const result = await attempt();
    if (result !== undefined) return result;
    if (left === 0) throw new Error('it did not happen within ten seconds');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
