import { describe, expect, it } from 'vitest';
import type { Operation } from '../http/client.js';
import { launch, scenario } from './scenario.js';

const test = scenario();

/** How a change ended: "ok", or the words it was refused or failed with. */
async function outcome(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<string> {
  const answer = await test.client.json<Operation>(method, path, body, headers);
  if (answer.type === 'error') return `${answer.http} ${answer.error}`;
  if (answer.type !== 'async') return 'ok';
  const ended = await test.client.json<Operation>('GET', `${answer.operation}/wait?timeout=60`);
  return ended.metadata.status_code === 200 ? 'ok' : ended.metadata.err || ended.metadata.status;
}

const create = (name: string, query = '', body: object = {}): Promise<string> => outcome('POST', `/1.0/instances${query}`, { name, source: { type: 'none' }, ...body });
const fromImage = (name: string): Promise<string> => outcome('POST', '/1.0/instances', { name, source: { type: 'image', alias: 'busybox' } });
const exists = async (path: string): Promise<boolean> => (await test.client.json('GET', path)).http === 200;
const oks = (outcomes: readonly string[]): number => outcomes.filter((one) => one === 'ok').length;
const afterMs = async <T>(ms: number, work: () => Promise<T>): Promise<T> => {
  await new Promise((resolve) => setTimeout(resolve, ms));
  return work();
};

async function etagOf(path: string): Promise<string> {
  return String((await test.client.send({ path })).headers.etag);
}

/** What an instance that is gone could have left on the host. */
async function traces(name: string): Promise<string> {
  const state = test.server.stateDirectory;
  const { stdout } = await test.server.shell(
    `ls ${state}/containers ${state}/storage-pools/*/containers ${state}/devices ${state}/logs 2>/dev/null | grep -x ${name}; grep ${name} /proc/self/mountinfo; grep -rw ${name} ${state}/networks`,
  );
  return stdout;
}

describe('two at once', () => {
  it('that create one name: one does', async () => {
    for (const kind of [create, fromImage]) {
      const outcomes = await Promise.all(Array.from({ length: 5 }, () => kind('one')));
      expect(oks(outcomes), `${outcomes.join('; ')}`).toBe(1);
      expect((await test.client.get<string[]>('/1.0/instances')).filter((url) => url.endsWith('/one'))).toHaveLength(1);
      expect(await outcome('DELETE', '/1.0/instances/one')).toBe('ok');
      expect(await traces('one')).toBe('');
    }
  });

  it('that change what both have read: one does, and the other is told', async () => {
    await create('read');
    await outcome('POST', '/1.0/profiles', { name: 'read' });
    for (const path of ['/1.0/instances/read', '/1.0/profiles/read']) {
      for (const method of ['PUT', 'PATCH']) {
        const tag = await etagOf(path);
        const { config } = await test.client.get<{ config: Record<string, string> }>(path);
        const values = ['a', 'b', 'c'].map((value) => `${method} ${value}`);
        const outcomes = await Promise.all(values.map((value) => outcome(method, path, { config: { ...config, 'user.v': value } }, { 'If-Match': tag })));
        expect(oks(outcomes), `${method} ${path}: ${outcomes.join('; ')}`).toBe(1);
        expect(outcomes.filter((one) => one.startsWith('412 ')), `${outcomes.join('; ')}`).toHaveLength(2);
        expect(await test.client.get(path)).toMatchObject({ config: { 'user.v': values[outcomes.indexOf('ok')] } });
      }
    }
    await outcome('DELETE', '/1.0/profiles/read');
    await outcome('DELETE', '/1.0/instances/read');
  });

  it('that change different things of one object: nothing is lost', async () => {
    const changeable = {
      '/1.0': undefined,
      '/1.0/instances/merged': ['/1.0/instances', { name: 'merged', source: { type: 'none' } }],
      '/1.0/profiles/merged': ['/1.0/profiles', { name: 'merged' }],
      '/1.0/projects/merged': ['/1.0/projects', { name: 'merged' }],
      '/1.0/networks/merged0': ['/1.0/networks', { name: 'merged0', config: { 'ipv4.address': 'none', 'ipv6.address': 'none' } }],
      '/1.0/storage-pools/merged': ['/1.0/storage-pools', { name: 'merged', driver: 'dir' }],
      '/1.0/storage-pools/default/volumes/custom/merged': ['/1.0/storage-pools/default/volumes/custom', { name: 'merged' }],
    } as const;
    const lost: Record<string, string> = {};
    for (const [path, creation] of Object.entries(changeable)) {
      if (creation) expect(await outcome('POST', creation[0], creation[1]), `${path}`).toBe('ok');
      const keys = Array.from({ length: 6 }, (_, index) => `user.k${index}`);
      const outcomes = await Promise.all(keys.map((key) => outcome('PATCH', path, { config: { [key]: 'x' } })));
      const { config } = await test.client.get<{ config: Record<string, string> }>(path);
      const missing = keys.filter((key, index) => outcomes[index] !== 'ok' || config[key] !== 'x');
      if (missing.length > 0) lost[path] = `${missing.length}: ${outcomes.find((one) => one !== 'ok')}`;
      if (creation) await outcome('DELETE', path);
      else await outcome('PATCH', path, { config: Object.fromEntries(keys.map((key) => [key, ''])) });
    }
    expect(lost).toEqual({});
  });

  it('that rename one instance: it has one name', async () => {
    await create('named');
    const outcomes = await Promise.all(['left', 'right'].map((name) => outcome('POST', '/1.0/instances/named', { name })));
    const there = (await Promise.all(['named', 'left', 'right'].map(async (name) => ((await exists(`/1.0/instances/${name}`)) ? name : '')))).filter((name) => name !== '');
    expect(there, `${outcomes.join('; ')}`).toHaveLength(1);
    expect(oks(outcomes)).toBeGreaterThanOrEqual(1);
    await outcome('DELETE', `/1.0/instances/${there[0]}`);
    for (const name of ['named', 'left', 'right']) expect(await traces(name)).toBe('');
  });
});

describe('what is deleted meanwhile', () => {
  it('is started or gone, never both', async () => {
    for (const delayMs of [0, 5, 20, 60, 120]) {
      await fromImage('raced');
      const [started, deleted] = await Promise.all([outcome('PUT', '/1.0/instances/raced/state', { action: 'start', timeout: 30 }), afterMs(delayMs, () => outcome('DELETE', '/1.0/instances/raced'))]);
      expect([started, deleted].filter((one) => one === 'ok'), `${started}; ${deleted}`).toHaveLength(1);
      expect(await exists('/1.0/instances/raced')).toBe(started === 'ok');
      if (started === 'ok') await test.lxc('delete -f raced');
      expect(await traces('raced')).toBe('');
    }
  });

  it('is copied whole or not at all', async () => {
    for (const delayMs of [0, 3, 10, 30]) {
      await fromImage('origin');
      const [copied, deleted] = await Promise.all([
        outcome('POST', '/1.0/instances', { name: 'duplicate', source: { type: 'copy', source: 'origin' } }),
        afterMs(delayMs, () => outcome('DELETE', '/1.0/instances/origin')),
      ]);
      expect(await exists('/1.0/instances/duplicate'), `${copied}`).toBe(copied === 'ok');
      expect(await exists('/1.0/instances/origin'), `${deleted}`).toBe(deleted !== 'ok');
      if (copied === 'ok') {
        expect(await outcome('PUT', '/1.0/instances/duplicate/state', { action: 'start', timeout: 30 })).toBe('ok');
        await test.lxc('delete -f duplicate');
      }
      if (deleted !== 'ok') await outcome('DELETE', '/1.0/instances/origin');
      for (const name of ['origin', 'duplicate']) expect(await traces(name)).toBe('');
    }
  });

  it('is snapshotted or gone', async () => {
    for (const delayMs of [0, 5, 15]) {
      await fromImage('pictured');
      const [taken, deleted] = await Promise.all([outcome('POST', '/1.0/instances/pictured/snapshots', { name: 's' }), afterMs(delayMs, () => outcome('DELETE', '/1.0/instances/pictured'))]);
      const left = await exists('/1.0/instances/pictured');
      expect(left, `${taken}; ${deleted}`).toBe(deleted !== 'ok');
      if (left) expect(await outcome('DELETE', '/1.0/instances/pictured')).toBe('ok');
      expect(await traces('pictured')).toBe('');
    }
  });

  it('leaves no archive of itself', async () => {
    const archives = `${test.server.stateDirectory}/backups`;
    for (const delayMs of [0, 3, 10, 20, 30]) {
      await create('archived');
      await Promise.all([outcome('POST', '/1.0/instances/archived/backups', { name: 'b', compression_algorithm: 'none' }), afterMs(delayMs, () => outcome('DELETE', '/1.0/instances/archived'))]);
      expect((await test.server.shell(`ls -A ${archives}`)).stdout).toBe('');
    }
  });

  it('is a pool that holds the instance, or one that is gone and no instance', async () => {
    for (const delayMs of [0, 3, 10, 30]) {
      expect(await outcome('POST', '/1.0/storage-pools', { name: 'brief', driver: 'dir' })).toBe('ok');
      const root = { devices: { root: { type: 'disk', path: '/', pool: 'brief' } } };
      const [made, deleted] = await Promise.all([create('guest', '', root), afterMs(delayMs, () => outcome('DELETE', '/1.0/storage-pools/brief'))]);
      // Both may be refused when each saw the other.
      expect(oks([made, deleted]), `${made}; ${deleted}`).toBeLessThanOrEqual(1);
      expect([await exists('/1.0/instances/guest'), await exists('/1.0/storage-pools/brief')], `${made}; ${deleted}`).toEqual([made === 'ok', deleted !== 'ok']);
      if (made === 'ok') expect(await outcome('DELETE', '/1.0/instances/guest')).toBe('ok');
      if (deleted !== 'ok') expect(await outcome('DELETE', '/1.0/storage-pools/brief')).toBe('ok');
      expect(await traces('guest')).toBe('');
    }
  });

  it('is a network that the instance is on, or one that is gone and no instance', async () => {
    for (const delayMs of [0, 2, 8]) {
      expect(await outcome('POST', '/1.0/networks', { name: 'brief0', config: { 'ipv4.address': 'none', 'ipv6.address': 'none' } })).toBe('ok');
      const nic = { devices: { eth0: { type: 'nic', network: 'brief0', name: 'eth0' } } };
      const [made, deleted] = await Promise.all([create('linked', '', nic), afterMs(delayMs, () => outcome('DELETE', '/1.0/networks/brief0'))]);
      const [instance, network] = [await exists('/1.0/instances/linked'), (await test.client.get<string[]>('/1.0/networks')).includes('/1.0/networks/brief0')];
      expect([instance, network], `${made}; ${deleted}`).toEqual([made === 'ok', deleted !== 'ok']);
      if (instance) expect(network, `${made}; ${deleted}`).toBe(true);
      if (instance) await outcome('DELETE', '/1.0/instances/linked');
      if (network) expect(await outcome('DELETE', '/1.0/networks/brief0')).toBe('ok');
    }
  });

  it('is a profile that the instance uses, or one that is gone and no instance', async () => {
    for (const delayMs of [0, 2, 8]) {
      expect(await outcome('POST', '/1.0/profiles', { name: 'brief' })).toBe('ok');
      const [made, deleted] = await Promise.all([create('user', '', { profiles: ['default', 'brief'] }), afterMs(delayMs, () => outcome('DELETE', '/1.0/profiles/brief'))]);
      const [instance, profile] = [await exists('/1.0/instances/user'), await exists('/1.0/profiles/brief')];
      expect(instance, `${made}`).toBe(made === 'ok');
      expect(profile, `${deleted}`).toBe(deleted !== 'ok');
      if (instance) expect(profile, `${made}; ${deleted}`).toBe(true);
      if (instance) await outcome('DELETE', '/1.0/instances/user');
      if (profile) await outcome('DELETE', '/1.0/profiles/brief');
    }
  });
});

describe('a project that is deleted while something is made in it', () => {
  const makers: Record<string, (name: string) => [method: string, path: string, body: object]> = {
    instance: (project) => ['POST', `/1.0/instances?project=${project}`, { name: 'i', source: { type: 'none' }, devices: { root: { type: 'disk', path: '/', pool: 'default' } } }],
    volume: (project) => ['POST', `/1.0/storage-pools/default/volumes/custom?project=${project}`, { name: 'v' }],
    copy: (project) => ['POST', `/1.0/storage-pools/default/volumes/custom?project=${project}`, { name: 'v', source: { type: 'copy', pool: 'default', name: 'original', project: 'default' } }],
    profile: (project) => ['POST', `/1.0/profiles?project=${project}`, { name: 'p' }],
    image: (project) => ['POST', `/1.0/images?project=${project}`, { source: { type: 'instance', name: 'published', project: 'default' } }],
  };
  const urls: Record<string, string> = { instance: '/1.0/instances/i', volume: '/1.0/storage-pools/default/volumes/custom/v', copy: '/1.0/storage-pools/default/volumes/custom/v', profile: '/1.0/profiles/p' };

  it('is there as long as what was made, or neither is', async () => {
    await outcome('POST', '/1.0/storage-pools/default/volumes/custom', { name: 'original' });
    await create('published');
    for (const [kind, maker] of Object.entries(makers)) {
      for (const delay of [0, 3, 8, 20]) {
        const project = `brief-${kind}-${delay}`;
        await test.client.change('POST', '/1.0/projects', { name: project });
        const [made, deleted] = await Promise.all([outcome(...maker(project)), afterMs(delay, () => outcome('DELETE', `/1.0/projects/${project}`))]);
        const story = `${kind} after ${delay} ms: ${made}; ${deleted}`;
        expect([made, deleted].filter((one) => one === 'ok').length, `${story}`).toBeLessThanOrEqual(1);
        expect(await exists(`/1.0/projects/${project}`), `${story}`).toBe(deleted !== 'ok');
        for (const image of made === 'ok' && kind === 'image' ? await test.client.get<string[]>(`/1.0/images?project=${project}`) : []) await outcome('DELETE', image);
        if (made === 'ok' && urls[kind]) expect(await outcome('DELETE', `${urls[kind]}?project=${project}`), `${story}`).toBe('ok');
        if (deleted !== 'ok') expect(await outcome('DELETE', `/1.0/projects/${project}`), `${story}`).toBe('ok');
      }
    }
    const state = test.server.stateDirectory;
    const left = await test.server.shell(`ls ${state}/containers ${state}/storage-pools/default/containers ${state}/storage-pools/default/custom; psql -h ${state}/database -U postgres -d postgres -AtqXc "SELECT project, fingerprint FROM images.images UNION ALL SELECT project, name FROM storage.volumes"`);
    expect(left.stdout).not.toContain('brief-');
    await outcome('DELETE', '/1.0/instances/published');
    await outcome('DELETE', '/1.0/storage-pools/default/volumes/custom/original');
  });
});

describe('limits of a project', () => {
  it('hold exactly while fifty instances are made at once', async () => {
    await test.client.change('POST', '/1.0/projects', { name: 'bounded', config: { 'limits.instances': '10', 'features.images': 'false', 'features.profiles': 'false' } });
    const outcomes = await Promise.all(Array.from({ length: 50 }, (_, index) => create(`i${index}`, '?project=bounded')));
    expect(oks(outcomes), `${outcomes.find((one) => one !== 'ok')}`).toBe(10);
    expect(await test.client.get('/1.0/instances?project=bounded')).toHaveLength(10);
    for (const words of new Set(outcomes.filter((one) => one !== 'ok'))) expect(words).toMatch(/maximum|limit|reached/i);
    await Promise.all(outcomes.flatMap((one, index) => (one === 'ok' ? [outcome('DELETE', `/1.0/instances/i${index}?project=bounded`)] : [])));
    expect(oks(await Promise.all(Array.from({ length: 12 }, (_, index) => create(`j${index}`, '?project=bounded'))))).toBe(10);
    for (const url of await test.client.get<string[]>('/1.0/instances?project=bounded')) await outcome('DELETE', url);
  });

  it('of memory hold exactly too', async () => {
    await test.client.change('POST', '/1.0/projects', { name: 'weighed', config: { 'limits.memory': '512MiB', 'features.images': 'false', 'features.profiles': 'false' } });
    const outcomes = await Promise.all(Array.from({ length: 20 }, (_, index) => create(`w${index}`, '?project=weighed', { config: { 'limits.memory': '100MiB' } })));
    expect(oks(outcomes), `${outcomes.find((one) => one !== 'ok')}`).toBe(5);
    for (const url of await test.client.get<string[]>('/1.0/instances?project=weighed')) await outcome('DELETE', url);
  });
});

describe('a running instance', () => {
  it('is stopped once however many ask', async () => {
    await launch(test.client, 'stopped');
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => outcome('PUT', '/1.0/instances/stopped/state', { action: 'stop', force: true, timeout: 30 })));
    expect(oks(outcomes), `${outcomes.join('; ')}`).toBeGreaterThanOrEqual(1);
    expect(await test.client.get('/1.0/instances/stopped')).toMatchObject({ status: 'Stopped' });
    await outcome('DELETE', '/1.0/instances/stopped');
    expect(await traces('stopped')).toBe('');
  });
});
