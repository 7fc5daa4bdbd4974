import { instances, type Instances } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Schedules } from './schedules/schedules.js';
import { instancesForTest, type TestInstances } from './testing/fakes.js';

let test: TestInstances;
let service: Instances;
const call = systemCall();

beforeAll(async () => {
  test = await instancesForTest();
  service = test.handler<Instances>(instances.InstancesDefinition);
});
afterAll(() => test.close());
beforeEach(() => {
  test.world.before = () => undefined;
  test.world.calls.length = 0;
  test.events.length = 0;
});

const ref = (name: string): instances.InstanceRef => ({ project: 'default', name, view: '' });

function wish(name: string, source: Partial<instances.InstanceSource> = { type: 'none' }, more: Partial<instances.CreateInstance> = {}): instances.CreateInstance {
  return {
    ...{ project: 'default', name, type: '', architecture: '', description: '', config: {}, devices: {}, ephemeral: false, profiles: undefined, stateful: false, instance_type: '', target: '', view: '' },
    source: { ...{ type: '', alias: '', fingerprint: '', properties: {}, server: '', protocol: '', mode: '', secret: '', source: '', project: '', instance_only: false, refresh: false, live: false, certificate: '' }, ...source },
    ...more,
  };
}

async function created(name: string, more: Partial<instances.CreateInstance> = {}): Promise<void> {
  await service.create(call, wish(name, { type: 'none' }, more));
  await test.settle();
}

async function power(name: string, action: string, force = false): Promise<string> {
  const { id } = await service.changeState(call, { instance: ref(name), action, timeout_s: -1, force, stateful: false, host_shutdown: false });
  await test.settle();
  return outcome(id);
}

/** "" where the operation succeeded, else its error. */
function outcome(id: string): string {
  const failed = test.operations.closed.find((each) => each.id === id);
  const closed = test.events.find((event) => event.kind === 'operation.closed' && event.payload.id === id);
  return failed?.error ?? (closed?.kind === 'operation.closed' ? closed.payload.error : 'still running');
}

const shown = async (name: string): Promise<Record<string, unknown>> => JSON.parse((await service.get(call, ref(name))).json.toString()) as Record<string, unknown>;
const actions = (): string[] => test.events.flatMap((event) => (event.kind === 'lifecycle' ? [event.payload.action] : []));

describe('create an instance', () => {
  it('makes volume and agent files, and shows what LXD shows', async () => {
    const answer = await service.create(call, wish('c1', { type: 'image', alias: 'busybox' }));
    await test.settle();
    expect(outcome(answer.id)).toBe('');
    expect(actions()).toEqual(['instance-created']);
    const object = await shown('c1');
    expect(Object.keys(object)).toEqual('architecture config devices ephemeral profiles stateful description created_at expanded_config expanded_devices name status status_code last_used_at location type project'.split(' '));
    expect(object).toMatchObject({ architecture: 'x86_64', profiles: ['default'], status: 'Stopped', status_code: 102, location: 'none', type: 'container', last_used_at: '1970-01-01T00:00:00Z' });
    expect(object['config']).toMatchObject({ 'image.os': 'Busybox', 'volatile.base_image': 'f'.repeat(64), 'volatile.apply_template': 'create', 'volatile.idmap.base': '0' });
    expect((object['config'] as Record<string, string>)['volatile.eth0.hwaddr']).toMatch(/^00:16:3e(:[0-9a-f]{2}){3}$/);
  });

  it('refuses at once what is no request', async () => {
    await expect(service.create(call, wish('bad name'))).rejects.toThrow('Invalid instance name: Name can only contain alphanumeric and hyphen characters');
    await expect(service.create(call, wish('c9', { type: 'bogus' }))).rejects.toThrow('Unknown source type bogus');
    await expect(service.create(call, wish('c9', { type: 'image', alias: 'nope' }))).rejects.toThrow('Image alias not found');
    await expect(service.create(call, wish('c9', { type: 'none' }, { profiles: { names: ['nope'] } }))).rejects.toThrow('Requested profile "nope" doesn\'t exist');
    await expect(service.create(call, wish('c9', { type: 'copy', source: 'nope' }))).rejects.toThrow('Failed to fetch instance "nope" in project "default": Instance not found');
  });

  it.each([
    [{ config: { nokey: '1' } }, 'Failed creating instance record: Unknown configuration key: nokey'],
    [{ devices: { x: { options: { type: 'bogus' } } } }, 'Failed creating instance record: Invalid device type bogus'],
    [{ profiles: { names: [] } }, 'Failed creating instance record: Failed initialising instance: Failed getting root disk: No root device could be found'],
    [{ devices: { root: { options: { type: 'disk', path: '/', pool: 'nope' } } } }, 'Failed creating instance record: Failed initialising instance: Failed loading storage pool: Storage pool not found'],
    [
      { devices: { eth0: { options: { type: 'nic', network: 'nope' } } } },
      'Failed creating instance record: Failed initialising instance: Invalid devices: Device validation failed for "eth0": Failed loading device "eth0": Failed to load network "nope" for project "default": Network not found',
    ],
    [
      { devices: { d: { options: { type: 'disk', path: '/x', source: 'nope', pool: 'default' } } } },
      'Failed creating instance record: Failed initialising instance: Failed add validation for device "d": Failed loading custom volume: Storage volume not found',
    ],
    [
      { devices: { d: { options: { type: 'disk', path: '/x', source: '/nope' } } } },
      'Failed creating instance record: Failed initialising instance: Failed add validation for device "d": Missing source path "/nope" for disk "d"',
    ],
    [{ name: 'c1' }, 'Failed creating instance record: Add instance info to the database: This "instances" entry already exists'],
  ])('fails the operation of %j', async (more, error) => {
    const answer = await service.create(call, wish('c9', { type: 'none' }, more));
    await test.settle();
    expect(outcome(answer.id)).toBe(error);
    expect(test.world.calls).not.toContain('volumes.create');
  });

  it('takes everything back when a step fails', async () => {
    test.world.before = (name) => {
      if (name === 'agent.create') throw new Error('disk full');
    };
    const answer = await service.create(call, wish('half'));
    await test.settle();
    expect(outcome(answer.id)).toBe('disk full');
    expect([...test.world.volumes.keys()].filter((key) => key.includes('half'))).toEqual([]);
    await expect(service.get(call, ref('half'))).rejects.toThrow('Instance not found');
  });

  it('lets one of two creates of a name win', async () => {
    const answers = await Promise.all([service.create(call, wish('twice')), service.create(call, wish('twice'))]);
    await test.settle();
    expect(answers.map((answer) => outcome(answer.id)).sort()).toEqual(['', 'Failed creating instance record: Add instance info to the database: This "instances" entry already exists']);
    expect(test.world.volumes.has('default/default/twice')).toBe(true);
  });
});

describe('power', () => {
  beforeAll(() => created('p1'));

  it('starts and stops, and says what LXD says where it cannot', async () => {
    expect(await power('p1', 'stop')).toBe('The instance is already stopped');
    expect(await power('p1', 'freeze')).toBe("The container isn't running");
    expect(await power('p1', 'start')).toBe('');
    expect(await shown('p1')).toMatchObject({ status: 'Running', config: { 'volatile.last_state.power': 'RUNNING', 'volatile.eth0.host_name': 'veth1' } });
    expect(await power('p1', 'start')).toBe('The instance is already running');
    expect(await power('p1', 'freeze')).toBe('');
    expect(await power('p1', 'freeze')).toBe('The container is already frozen');
    expect(await power('p1', 'unfreeze')).toBe('');
    await expect(service.delete(call, ref('p1'))).rejects.toThrow('Instance is running');
    expect(await power('p1', 'restart', true)).toBe('');
    expect(await power('p1', 'stop')).toBe('');
    expect(actions()).toEqual(['instance-started', 'instance-paused', 'instance-resumed', 'instance-restarted', 'instance-shutdown']);
    const { config } = (await shown('p1')) as { config: Record<string, string> };
    expect(config['volatile.last_state.power']).toBe('STOPPED');
    expect(config['volatile.eth0.host_name']).toBeUndefined();
  });

  it('remembers what ran when the host goes down', async () => {
    expect(await power('p1', 'start')).toBe('');
    await service.changeState(call, { instance: ref('p1'), action: 'stop', timeout_s: 0, force: true, stateful: false, host_shutdown: true });
    await test.settle();
    expect(await shown('p1')).toMatchObject({ status: 'Stopped', config: { 'volatile.last_state.power': 'RUNNING' } });
  });

  it('leaves a failed start stopped', async () => {
    test.world.before = (name) => {
      if (name === 'agent.start') throw new Error('Failed to run: lxc-start');
    };
    expect(await power('p1', 'start')).toBe('Failed to run: lxc-start');
    expect(await shown('p1')).toMatchObject({ status: 'Stopped' });
    test.world.before = () => undefined;
    expect(await power('p1', 'start')).toBe('');
    expect(await power('p1', 'stop', true)).toBe('');
  });

  it('says busy to a second power change', async () => {
    const gate = Promise.withResolvers<void>();
    test.world.before = (name) => (name === 'agent.start' ? gate.promise : undefined);
    const first = await service.changeState(call, { instance: ref('p1'), action: 'start', timeout_s: -1, force: false, stateful: false, host_shutdown: false });
    const second = await service.changeState(call, { instance: ref('p1'), action: 'stop', timeout_s: -1, force: true, stateful: false, host_shutdown: false });
    expect(outcome(second.id)).toBe('Instance is busy running a "start" operation');
    gate.resolve();
    await test.settle();
    expect(outcome(first.id)).toBe('');
    await power('p1', 'stop', true);
  });

  it('removes an ephemeral instance when it stops', async () => {
    await created('e1', { ephemeral: true });
    await power('e1', 'start');
    expect(await power('e1', 'stop', true)).toBe('');
    await expect(service.get(call, ref('e1'))).rejects.toThrow('Instance not found');
    expect(test.world.volumes.has('default/default/e1')).toBe(false);
  });
});

describe('changes', () => {
  beforeAll(() => created('u1'));
  const change = (more: Partial<instances.UpdateInstance>): instances.UpdateInstance => ({
    ...{ instance: ref('u1'), architecture: undefined, config: {}, devices: {}, ephemeral: undefined, profiles: undefined, description: undefined, stateful: false, restore: '', mode: 1, if_match: '' },
    ...more,
  });

  it('patches, and reaches a running instance', async () => {
    await service.patch(call, change({ config: { 'user.x': '1' } }));
    expect(test.world.calls).not.toContain('agent.update');
    await power('u1', 'start');
    await service.patch(call, change({ config: { 'user.y': '2', 'user.x': '' } }));
    expect(test.world.calls).toContain('agent.update');
    const { config } = (await shown('u1')) as { config: Record<string, string> };
    expect(config['user.y']).toBe('2');
    expect(config).not.toHaveProperty('user.x');
  });

  it('refuses a stale ETag and bad config', async () => {
    const { etag } = await service.get(call, ref('u1'));
    await expect(service.patch(call, change({ if_match: 'stale' }))).rejects.toThrow(`ETag doesn't match: ${etag} vs stale`);
    await expect(service.patch(call, change({ config: { nokey: '1' } }))).rejects.toThrow('Invalid config: Unknown configuration key: nokey');
    await expect(service.patch(call, change({ profiles: { names: ['nope'] } }))).rejects.toThrow('Profile not found');
    const answer = await service.replace(call, change({ config: {}, profiles: { names: ['default'] } }));
    expect(outcome(answer.id)).toBe("Volatile idmap keys can't be deleted by the user");
  });

  it('takes back what a running instance refuses', async () => {
    test.world.before = (name) => {
      if (name === 'agent.update' && test.world.calls.filter((each) => each === 'agent.update').length === 1) throw new Error('no such device');
    };
    await expect(service.patch(call, change({ config: { 'user.z': '1' } }))).rejects.toThrow('no such device');
    expect(((await shown('u1')) as { config: Record<string, string> }).config).not.toHaveProperty('user.z');
  });

  it('renames stopped ones only', async () => {
    const running = await service.rename(call, { instance: ref('u1'), new_name: 'u2', pool: '' });
    expect(outcome(running.id)).toBe('Renaming of running container not allowed');
    await power('u1', 'stop', true);
    await expect(service.rename(call, { instance: ref('u1'), new_name: 'c1', pool: '' })).rejects.toThrow('Name "c1" already in use');
    const answer = await service.rename(call, { instance: ref('u1'), new_name: 'u2', pool: '' });
    await test.settle();
    expect(outcome(answer.id)).toBe('');
    expect(test.world.volumes.has('default/default/u2')).toBe(true);
    expect(await shown('u2')).toMatchObject({ config: { 'volatile.apply_template': 'rename' } });
  });

  it('loses none of several changes at once', async () => {
    const before = await shown('u2');
    await Promise.all(Array.from({ length: 5 }, (_, index) => service.patch(call, { ...change({ config: { [`user.many${index}`]: 'x' } }), instance: ref('u2') })));
    const { config } = (await shown('u2')) as { config: Record<string, string> };
    expect(Object.keys(config).filter((key) => key.startsWith('user.many'))).toHaveLength(5);
    expect(Object.keys(config)).toHaveLength(Object.keys(before['config'] as object).length + 5);
  });

  it('keeps a name that a rename has taken from others', async () => {
    const gate = Promise.withResolvers<void>();
    test.world.before = (name) => (name === 'volumes.rename' ? gate.promise : undefined);
    const rename = await service.rename(call, { instance: ref('u2'), new_name: 'u3', pool: '' });
    const create = await service.create(call, wish('u3'));
    expect(outcome(create.id)).toBe('Failed creating instance record: Add instance info to the database: This "instances" entry already exists');
    gate.resolve();
    await test.settle();
    expect(outcome(rename.id)).toBe('');
    await service.rename(call, { instance: ref('u3'), new_name: 'u2', pool: '' });
    await test.settle();
  });

  it('expands anew when a profile changes', async () => {
    test.world.profiles['default']!.config = { 'limits.memory': '64MiB' };
    await service.applyProfile(call, { project: 'default', profile: 'default', new_name: '' });
    expect(await shown('u2')).toMatchObject({ expanded_config: { 'limits.memory': '64MiB' } });
    test.world.profiles['default']!.config = {};
    await service.applyProfile(call, { project: 'default', profile: 'default', new_name: '' });
  });
});

describe('snapshots and copies', () => {
  beforeAll(() => created('s1', { config: { 'user.a': 'b' } }));

  it('names them by the pattern and keeps their config', async () => {
    for (const name of ['', '', 'snap0', 'bad name']) await service.createSnapshot(call, { instance: ref('s1'), snapshot: name, stateful: false, expires_at_ms: undefined });
    await test.settle();
    const urls = JSON.parse((await service.listSnapshots(call, { instance: ref('s1'), recursion: 0 })).json.toString()) as string[];
    expect(urls).toEqual(['/1.0/instances/s1/snapshots/snap0', '/1.0/instances/s1/snapshots/snap1']);
    const [snapshot] = JSON.parse((await service.listSnapshots(call, { instance: ref('s1'), recursion: 1 })).json.toString()) as Record<string, unknown>[];
    expect(snapshot).toMatchObject({ name: 'snap0', expires_at: '0001-01-01T00:00:00Z', size: -1, stateful: false, config: { 'user.a': 'b' } });
    expect(test.operations.closed.map((each) => each.error).slice(-2)).toEqual([
      'Failed creating instance snapshot record "snap0": Add snapshot info to the database: This "instances_snapshots" entry already exists',
      'Failed creating instance snapshot record "bad name": Invalid instance snapshot name: Cannot contain space or / characters',
    ]);
  });

  it('restores what the snapshot had', async () => {
    const change = { instance: ref('s1'), architecture: undefined, config: { 'user.a': 'c' }, devices: {}, ephemeral: undefined, profiles: undefined, description: undefined, stateful: false, restore: '', mode: 1, if_match: '' };
    await service.patch(call, change);
    const missing = await service.replace(call, { ...change, restore: 'nope' });
    expect(outcome(missing.id)).toBe('Snapshot s1/nope does not exist');
    const answer = await service.replace(call, { ...change, restore: 'snap0' });
    await test.settle();
    expect(outcome(answer.id)).toBe('');
    expect(await shown('s1')).toMatchObject({ config: { 'user.a': 'b' } });
  });

  it('copies with snapshots, and from one', async () => {
    await service.create(call, wish('s2', { type: 'copy', source: 's1' }, { profiles: { names: ['default'] } }));
    await service.create(call, wish('s3', { type: 'copy', source: 's1/snap0', instance_only: true }, { config: { 'user.z': '1' }, profiles: { names: ['default'] } }));
    await test.settle();
    expect([...test.world.volumes.keys()].filter((key) => /s[23]/.test(key)).sort()).toEqual(['default/default/s2', 'default/default/s2/snap0', 'default/default/s2/snap1', 'default/default/s3']);
    expect(test.world.volumes.get('default/default/s3')?.copyOf).toBe('default/default/s1/snap0');
    const [original, copy] = (await Promise.all([shown('s1'), shown('s2')])) as { config: Record<string, string> }[];
    expect(copy!.config['volatile.uuid']).not.toBe(original!.config['volatile.uuid']);
    expect(copy!.config['volatile.apply_template']).toBe('copy');
    expect(await shown('s3')).toMatchObject({ config: { 'user.a': 'b', 'user.z': '1' } });
    expect(actions().filter((action) => action === 'instance-snapshot-created')).toHaveLength(2);
  });

  it('move with their instance to another pool', async () => {
    await expect(service.rename(call, { instance: ref('s2'), new_name: 's2', pool: 'nope' })).rejects.toThrow('Storage pool not found');
    const answer = await service.rename(call, { instance: ref('s2'), new_name: 's4', pool: 'other' });
    await test.settle();
    expect(outcome(answer.id)).toBe('');
    expect([...test.world.volumes.keys()].filter((key) => /s[24]/.test(key)).sort()).toEqual(['default/other/s4', 'default/other/s4/snap0', 'default/other/s4/snap1']);
    expect(await shown('s4')).toMatchObject({ devices: { root: { pool: 'other' } }, expanded_devices: { root: { pool: 'other', path: '/' } } });
  });

  it('renames, expires and deletes them', async () => {
    const snapshot = { instance: ref('s1'), snapshot: 'snap1' };
    await service.renameSnapshot(call, { snapshot, new_name: 'kept' });
    await test.settle();
    await service.updateSnapshot(call, { snapshot: { ...snapshot, snapshot: 'kept' }, expires_at_ms: Date.UTC(2030, 0, 1), if_match: '' });
    await test.settle();
    expect(JSON.parse((await service.getSnapshot(call, { ...snapshot, snapshot: 'kept' })).json.toString())).toMatchObject({ expires_at: '2030-01-01T00:00:00.000000Z' });
    await service.deleteSnapshot(call, { ...snapshot, snapshot: 'kept' });
    await test.settle();
    await expect(service.getSnapshot(call, { ...snapshot, snapshot: 'kept' })).rejects.toThrow('Failed to fetch snapshot "kept" of instance "s1" in project "default": InstanceSnapshot not found');
  });
});

describe('lists', () => {
  it('show states and snapshots with one call to the agent', async () => {
    await created('l1');
    await created('l2');
    await Promise.all([power('l1', 'start'), power('l2', 'start')]);
    test.world.calls.length = 0;
    const list = { project: 'default', all_projects: false, recursion: 2, filter: '', visible_projects: [] };
    const objects = JSON.parse((await service.list(call, { list, type: '', view: '' })).json.toString()) as Record<string, unknown>[];
    expect(test.world.calls).toEqual(['agent.fullStates']);
    expect(objects.find((object) => object['name'] === 'l1')).toMatchObject({ backups: null, state: { status: 'Running', pid: 7 }, snapshots: null });
    expect(objects.find((object) => object['name'] === 's1')).toMatchObject({ state: { status: 'Stopped' }, snapshots: [{ name: 'snap0' }] });
    const filtered = JSON.parse((await service.list(call, { list: { ...list, recursion: 0, filter: 'status eq Running' }, type: '', view: 'containers' })).json.toString()) as string[];
    expect(filtered).toEqual(['/1.0/containers/l1', '/1.0/containers/l2']);
  });

  it('show the state of one as its member sees it, also where its name passed to another', async () => {
    const state = async (name: string): Promise<unknown> => JSON.parse((await service.getState(call, ref(name))).json.toString());
    await created('l3');
    await power('l3', 'start');
    expect(await state('l3')).toEqual({ status: 'Running', pid: 7 });
    test.world.calls.length = 0;
    expect(await state('l3')).toEqual({ status: 'Running', pid: 7 });
    expect(test.world.calls).toEqual(['agent.fullStates']);
    await power('l3', 'stop', true);
    expect(await state('l3')).toMatchObject({ status: 'Stopped', pid: 0, network: null });
    await service.delete(call, ref('l3'));
    await test.settle();
    await expect(state('l3')).rejects.toThrow('Instance not found');
    await created('l3');
    await power('l3', 'start');
    expect(await state('l3')).toEqual({ status: 'Running', pid: 7 });
    const kept = test.world.kept.get((await service.locate(call, ref('l3'))).id)!;
    kept.name = 'l3-renamed';
    test.world.calls.length = 0;
    await state('l3');
    expect(test.world.calls).toEqual(['agent.fullStates', 'agent.fullStates']);
    kept.name = 'l3';
    await power('l3', 'stop', true);
    await service.delete(call, ref('l3'));
    await test.settle();
  });

  it('are rendered once and shown again until a row of theirs changes', async () => {
    const list = { project: 'default', all_projects: false, recursion: 1, filter: '', visible_projects: [] };
    const answer = async (): Promise<Buffer> => (await service.list(call, { list, type: '', view: '' })).json;
    const before = await answer();
    expect(await answer()).toBe(before);
    await created('l4');
    expect(JSON.parse((await answer()).toString())).toContainEqual(expect.objectContaining({ name: 'l4', status: 'Stopped' }));
    await power('l4', 'start');
    expect(JSON.parse((await answer()).toString())).toContainEqual(expect.objectContaining({ name: 'l4', status: 'Running' }));
    await power('l4', 'stop', true);
    await service.delete(call, ref('l4'));
    await test.settle();
    expect((await answer()).equals(before)).toBe(true);
  });

  it('answer who uses what', async () => {
    const used = await service.usedBy(call, { kind: 'network', project: '', names: ['lxdbr0', 'none'] });
    expect(used.by_key['lxdbr0']!.urls).toContain('/1.0/instances/l1');
    expect(used.by_key['none']!.urls).toEqual([]);
    expect((await service.usedBy(call, { kind: 'image', project: '', names: ['f'.repeat(64)] })).by_key['f'.repeat(64)]!.urls).toEqual(['/1.0/instances/c1']);
    expect((await service.usedBy(call, { kind: 'profile', project: 'default', names: ['default'] })).by_key['default']!.urls.length).toBeGreaterThan(5);
    expect((await service.usedBy(call, { kind: 'pool', project: '', names: ['default'] })).by_key['default']!.urls).toContain('/1.0/instances/l2');
    expect(await service.locate(call, ref('l1'))).toMatchObject({ member: 'none', type: 'container', running: true });
  });
});

describe('sessions', () => {
  it('show their secrets to the creator only', async () => {
    const request = { instance: ref('l1'), command: ['sh'], wait_for_websocket: true, interactive: true, environment: {}, width: 80, height: 24, record_output: false, cwd: '' };
    const answer = await service.exec(call, request);
    expect(Object.keys(answer.secrets)).toEqual(['0', 'control']);
    expect(JSON.parse(answer.operation!.json.toString()).metadata.fds).toEqual(answer.secrets);
    expect(test.operations.opened.at(-1)!.metadata.toString()).not.toContain(answer.secrets['0']);
    await expect(service.exec(call, { ...request, instance: ref('s1') })).rejects.toThrow('Instance is not running');
    await test.settle();
  });

  it('are opened where only the record of a silent member says that nothing is known', async () => {
    const request = { instance: ref('l1'), command: ['sh'], wait_for_websocket: true, interactive: true, environment: {}, width: 80, height: 24, record_output: false, cwd: '' };
    const [id = ''] = [...test.world.kept].find(([, { name }]) => name === 'l1') ?? [];
    await test.runtime.bus.publish({ id: crypto.randomUUID(), kind: 'agent.instance', at: Date.now(), payload: { member: 'none', id, what: 'error' } });
    expect((await shown('l1'))['status']).toBe('Error');
    expect(Object.keys((await service.exec(call, request)).secrets)).toEqual(['0', 'control']);
    await test.runtime.bus.publish({ id: crypto.randomUUID(), kind: 'member.health', at: Date.now(), payload: { member: 'none', online: true } });
    expect((await shown('l1'))['status']).toBe('Running');
    await test.settle();
  });

  it('do not end with news that come too late: a member that is heard of is not silent', async () => {
    await test.runtime.bus.publish({ id: crypto.randomUUID(), kind: 'member.health', at: Date.now(), payload: { member: 'none', online: false } });
    expect((await shown('l1'))['status']).toBe('Running');
  });
});

describe('what agents see', () => {
  it('an instance that stopped by itself is stopped', async () => {
    const { id } = await service.locate(call, ref('l2'));
    test.world.running.delete(id);
    await test.runtime.bus.publish({ id: crypto.randomUUID(), kind: 'agent.instance', at: Date.now(), payload: { member: 'none', id, what: 'stopped' } });
    await test.settle();
    expect(await shown('l2')).toMatchObject({ status: 'Stopped' });
    expect(actions()).toEqual(['instance-shutdown']);
  });

  it('an instance that stopped while something else held it is stopped too', async () => {
    await power('l2', 'start');
    const gate = Promise.withResolvers<void>();
    test.world.before = (name) => (name === 'volumes.snapshot' ? gate.promise : undefined);
    await service.createSnapshot(call, { instance: ref('l2'), snapshot: 'held', stateful: false, expires_at_ms: undefined });
    const { id } = await service.locate(call, ref('l2'));
    test.world.running.delete(id);
    await test.runtime.bus.publish({ id: crypto.randomUUID(), kind: 'agent.instance', at: Date.now(), payload: { member: 'none', id, what: 'stopped' } });
    gate.resolve();
    await expect.poll(async () => (await shown('l2'))['status']).toBe('Stopped');
  });

  it('a member that comes up gets its instances started again', async () => {
    const { id } = await service.locate(call, ref('l1'));
    test.world.running.delete(id);
    await test.runtime.bus.publish({ id: crypto.randomUUID(), kind: 'agent.ready', at: Date.now(), payload: { member: 'none' } });
    await expect.poll(() => test.world.running.has(id)).toBe(true);
    await test.settle();
    expect(await shown('l1')).toMatchObject({ status: 'Running' });
  });
});

describe('delete', () => {
  it('removes snapshots, volume and row', async () => {
    const answer = await service.delete(call, ref('s1'));
    await test.settle();
    expect(outcome(answer.id)).toBe('');
    expect([...test.world.volumes.keys()].filter((key) => key.includes('/s1'))).toEqual([]);
    expect(actions()).toEqual(['instance-deleted']);
    await expect(service.delete(call, ref('s1'))).rejects.toThrow('Instance not found');
  });

  it('spares the protected', async () => {
    await created('keep', { config: { 'security.protection.delete': 'true' } });
    const answer = await service.delete(call, ref('keep'));
    expect(outcome(answer.id)).toBe('Container is protected');
  });
});

describe('schedules', () => {
  it('take due snapshots and remove expired ones', async () => {
    await created('sched', { config: { 'snapshots.schedule': '* * * * *', 'snapshots.schedule.stopped': 'true', 'snapshots.expiry': '1M' } });
    const schedules = test.composition.app.get(Schedules, { strict: false });
    const names = async (): Promise<string[]> => JSON.parse((await service.listSnapshots(call, { instance: ref('sched'), recursion: 0 })).json.toString()) as string[];
    await schedules.run(new Date());
    expect(await names()).toEqual(['/1.0/instances/sched/snapshots/snap0']);
    await schedules.run(new Date());
    expect(await names()).toHaveLength(1);
    await service.patch(call, { instance: ref('sched'), architecture: undefined, config: { 'snapshots.schedule': '' }, devices: {}, ephemeral: undefined, profiles: undefined, description: undefined, stateful: false, restore: '', mode: 1, if_match: '' });
    await schedules.run(new Date(Date.now() + 120_000));
    expect(await names()).toEqual([]);
  });
});

describe('power of all instances', () => {
  it('changes those it concerns', async () => {
    const running = test.world.running.size;
    const answer = await service.changeStates(call, { project: 'default', action: 'start', timeout_s: -1, force: false, stateful: false });
    await test.settle();
    expect(outcome(answer.id)).toBe('');
    expect(test.world.running.size).toBeGreaterThan(running);
    const stop = await service.changeStates(call, { project: 'default', action: 'stop', timeout_s: -1, force: true, stateful: false });
    await test.settle();
    expect(outcome(stop.id)).toBe('');
    expect(test.world.running.size).toBe(0);
  });
});
