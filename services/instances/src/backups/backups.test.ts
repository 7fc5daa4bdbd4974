// proves: snapshot_scheduling, snapshot_schedule_aliases
import { instances, type backups, type Instances } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Schedules } from '../schedules/schedules.js';
import { instancesForTest, type TestInstances } from '../testing/fakes.js';

let test: TestInstances;
let service: Instances;
const call = systemCall();
const ref = (name: string): instances.InstanceRef => ({ project: 'default', name, view: '' });
const source = { type: 'none', alias: '', fingerprint: '', properties: {}, server: '', protocol: '', mode: '', secret: '', source: '', project: '', instance_only: false, refresh: false, live: false, certificate: '' };
const wish = (change: Partial<backups.BackupWish> = {}): backups.BackupWish => ({ name: '', expires_at_ms: 0, only: false, optimized: false, compression: '', ...change });
const parse = <T>(json: Buffer): T => JSON.parse(json.toString()) as T;

beforeAll(async () => {
  test = await instancesForTest();
  service = test.handler<Instances>(instances.InstancesDefinition);
  await create('c1', { config: { 'user.a': 'b' } });
  await snapshot('c1', 's0');
});
afterAll(() => test.close());
beforeEach(() => {
  test.world.before = () => undefined;
  test.events.length = 0;
});

async function create(name: string, more: Partial<instances.CreateInstance> = {}): Promise<string> {
  const empty = { type: '', architecture: '', description: '', config: {}, devices: {}, ephemeral: false, profiles: undefined, stateful: false, instance_type: '', target: '', view: '' };
  return ended((await service.create(call, { ...empty, project: 'default', name, source, ...more })).id);
}

async function snapshot(name: string, snapshotName: string): Promise<void> {
  await service.createSnapshot(call, { instance: ref(name), snapshot: snapshotName, stateful: false, expires_at_ms: undefined });
  await test.settle();
}

/** "" where the operation succeeded, else its error. */
async function ended(id: string): Promise<string> {
  await test.settle();
  const failed = test.operations.closed.find((each) => each.id === id);
  const closed = test.events.find((event) => event.kind === 'operation.closed' && event.payload.id === id);
  return failed?.error ?? (closed?.kind === 'operation.closed' ? closed.payload.error : 'still running');
}

async function backup(change: Partial<backups.BackupWish> = {}): Promise<string> {
  return ended((await service.createBackup(call, { instance: ref('c1'), wish: wish(change) })).id);
}

async function imported(index: unknown, header: Partial<backups.BackupUploadHeader> = {}): Promise<string> {
  const frames = async function* (): AsyncIterable<backups.BackupUpload> {
    yield { part: { $case: 'header', value: { project: 'default', pool: '', name: '', ...header } } };
    yield { part: { $case: 'chunk', value: Buffer.from(JSON.stringify(index)) } };
  };
  return ended((await service.importBackup(call, frames())).id);
}

const listed = async (recursion = 1): Promise<unknown[]> => parse((await service.listBackups(call, { instance: ref('c1'), recursion })).json);
const actions = (): string[] => test.events.flatMap((event) => (event.kind === 'lifecycle' ? [event.payload.action] : []));

describe('backups of an instance', () => {
  it('are made, shown with the instance, renamed and removed with their files', async () => {
    expect(await backup({ only: true })).toBe('');
    expect(actions()).toEqual(['instance-backup-created']);
    expect(await listed()).toMatchObject([{ name: 'backup0', instance_only: true, container_only: true, optimized_storage: false, expires_at: '0001-01-01T00:00:00Z' }]);
    expect(await listed(0)).toEqual(['/1.0/instances/c1/backups/backup0']);
    expect(parse<{ backups: unknown[] }>((await service.getFull(call, ref('c1'))).json).backups).toHaveLength(1);
    expect(await ended((await service.renameBackup(call, { backup: { instance: ref('c1'), backup: 'backup0' }, new_name: 'old' })).id)).toBe('');
    expect(test.world.files.size).toBe(1);
    expect(await ended((await service.deleteBackup(call, { instance: ref('c1'), backup: 'old' })).id)).toBe('');
    expect(test.world.files.size).toBe(0);
  });

  it('describe the instance with its snapshots and profiles', async () => {
    await backup({ name: 'full' });
    const [index] = [...test.world.files.values()].map((text) => JSON.parse(text) as Record<string, unknown>);
    expect(index).toMatchObject({ name: 'c1', type: 'container', snapshots: ['s0'], config: { container: { name: 'c1', config: { 'user.a': 'b' } }, snapshots: [{ name: 's0' }], profiles: [{ name: 'default' }] } });
  });

  it('fail over a name that is taken, and leave nothing when the member fails', async () => {
    expect(await backup({ name: 'full' })).toBe('Create backup: Backup "c1/full" already exists');
    test.world.before = (name) => {
      if (name === 'volumes.backup') throw new Error('disk full');
    };
    expect(await backup({ name: 'lost' })).toContain('disk full');
    expect(await listed()).toHaveLength(1);
  });

  it('are refused in the words of the reference', async () => {
    await expect(backup({ name: 'a/b' })).rejects.toThrow('Backup names may not contain slashes');
    await expect(backup({ compression: 'bogus' })).rejects.toThrow('Invalid compression algorithm "bogus"');
    await expect(service.getBackup(call, { instance: ref('c1'), backup: 'nope' })).rejects.toThrow('Load backup from database: Instance backup not found');
  });

  it('go when their time is over', async () => {
    await backup({ name: 'short', expires_at_ms: 1000 });
    await test.composition.app.get(Schedules, { strict: false }).run(new Date());
    expect(await listed(0)).toEqual(['/1.0/instances/c1/backups/full']);
  });
});

describe('an import', () => {
  const uuid = '11111111-2222-4333-8444-555555555555';
  const index = (change: object = {}, container: object = {}, snapshots: unknown = [{ name: 's0', config: { 'user.s': '1' }, devices: {}, profiles: ['default'], created_at: '2026-01-02T03:04:05Z' }]): object => ({
    ...{ name: 'gone', backend: 'btrfs', pool: 'default', type: 'container', optimized: 'false', snapshots: ['s0'] },
    config: { container: { name: 'gone', architecture: 'x86_64', ephemeral: 'false', profiles: ['default'], created_at: '2025-01-02T03:04:05Z', devices: {}, config: { 'user.a': 'b', 'volatile.uuid': uuid, 'volatile.idmap.next': 'forged', 'volatile.eth0.hwaddr': '00:16:3e:00:00:01' }, ...container }, snapshots },
    ...change,
  });

  it('makes the instance as it was, under another name too', async () => {
    expect(await imported(index())).toBe('');
    expect(await imported(index(), { name: 'other', pool: 'other' })).toBe('');
    const other = parse<Record<string, unknown>>((await service.get(call, ref('other'))).json);
    expect(other).toMatchObject({ created_at: '2025-01-02T03:04:05.000000Z', devices: { root: { pool: 'other' } }, config: { 'user.a': 'b', 'volatile.uuid': uuid, 'volatile.eth0.hwaddr': '00:16:3e:00:00:01' } });
    expect(JSON.stringify(other)).not.toContain('forged');
    expect(parse((await service.getSnapshot(call, { instance: ref('other'), snapshot: 's0' })).json)).toMatchObject({ config: { 'user.s': '1' }, devices: { root: { pool: 'other' } } });
    expect([...test.world.files.values()].some((text) => text.includes('gone'))).toBe(false);
  });

  it('takes everything back when the member fails', async () => {
    test.world.before = (name) => {
      if (name === 'agent.create') throw new Error('no');
    };
    expect(await imported(index(), { name: 'half' })).toContain('no');
    await expect(service.get(call, ref('half'))).rejects.toThrow('Instance not found');
    expect([...test.world.volumes.keys()].some((key) => key.includes('half'))).toBe(false);
    expect([...test.world.files.values()].some((text) => text.includes('gone'))).toBe(false);
  });

  it.each<[string, unknown, Partial<backups.BackupUploadHeader>, RegExp]>([
    ['of a name that is taken', index(), { name: 'c1' }, /Cannot restore volume, already exists on target/],
    ['of a name that is none', index(), { name: '../x' }, /Failed importing backup: Failed creating instance record: The character/],
    ['with an unknown key', index({}, { config: { nokey: '1' } }), { name: 'n1' }, /Unknown configuration key: nokey/],
    ['with a newline in a name of the environment', index({}, { config: { 'environment.A\nlxc.hook': '1' } }), { name: 'n1' }, /Failed importing backup/],
    ['with an unknown profile', index({}, { profiles: ['nope'] }), { name: 'n1' }, /Requested profile "nope" doesn't exist/],
    ['with a snapshot that climbs', index({ snapshots: ['..'] }, {}, [{ name: '..' }]), { name: 'n1' }, /Invalid instance snapshot name/],
    ['with a bad key in a snapshot', index({}, {}, [{ name: 's0', config: { nokey: '1' } }]), { name: 'n1' }, /nokey/],
  ])('is refused in its operation: %s', async (_, archive, header, words) => {
    expect(await imported(archive, header)).toMatch(words);
    await expect(service.get(call, ref('n1'))).rejects.toThrow('Instance not found');
  });

  it.each<[string, unknown, Partial<backups.BackupUploadHeader>, string]>([
    ['into a pool that is not there', index(), { name: 'n1', pool: 'nope' }, 'Storage pool not found'],
    ['of a custom volume', index({ type: 'custom' }), {}, 'not of an instance'],
    ['of a virtual machine', index({ type: 'virtual-machine' }), {}, 'QEMU is not available'],
    ['without its configuration', { name: 'x', type: 'container' }, {}, 'missing the configuration'],
    ['of a snapshot nobody describes', index({ snapshots: ['s0', 's9'] }), {}, 'missing the configuration of snapshot "s9"'],
    ['of the wrong shape', index({ config: { container: { config: [] } } }), {}, 'missing the configuration'],
  ])('is refused at once: %s', async (_, archive, header, words) => {
    await expect(imported(archive, header)).rejects.toThrow(words);
    expect([...test.world.files.values()].some((text) => text.includes('gone'))).toBe(false);
  });

  it('falls back to the pool of the default profile where its own is not there', async () => {
    expect(await imported(index({ pool: 'far' }), { name: 'fallen' })).toBe('');
    expect([...test.world.volumes.keys()]).toContain('default/default/fallen');
  });
});

describe('a copy', () => {
  const copy = (refresh: boolean): Partial<instances.CreateInstance> => ({ source: { ...source, type: 'copy', source: 'c1', refresh }, profiles: { names: ['default'] } });

  it('is brought up to date with its snapshots', async () => {
    expect(await create('copied', copy(true))).toBe('');
    await snapshot('c1', 's1');
    await snapshot('copied', 'own');
    expect(await create('copied', copy(true))).toBe('');
    expect(parse((await service.listSnapshots(call, { instance: ref('copied'), recursion: 0 })).json)).toEqual(['/1.0/instances/copied/snapshots/s0', '/1.0/instances/copied/snapshots/s1']);
    expect(test.world.volumes.has('default/default/copied/own')).toBe(false);
  });

  it('leaves the new snapshots out when it fails', async () => {
    await snapshot('c1', 's2');
    test.world.before = (name) => {
      if (name === 'volumes.refresh') throw new Error('no');
    };
    expect(await create('copied', copy(true))).toContain('no');
    expect(parse((await service.listSnapshots(call, { instance: ref('copied'), recursion: 0 })).json)).toHaveLength(2);
  });
});

it('takes the snapshot that @startup asks for, at each start', async () => {
  await create('early', { config: { 'snapshots.schedule': '@daily, @startup' } });
  await ended((await service.changeState(call, { instance: ref('early'), action: 'start', timeout_s: -1, force: false, stateful: false, host_shutdown: false })).id);
  expect(parse((await service.listSnapshots(call, { instance: ref('early'), recursion: 0 })).json)).toEqual(['/1.0/instances/early/snapshots/snap0']);
});

it('takes the files of its backups along when it is deleted, of those too that were made meanwhile', async () => {
  await backup({ name: 'last' });
  test.world.before = async (name) => {
    if (name !== 'volumes.delete') return;
    test.world.before = () => undefined;
    const { id } = await service.createBackup(call, { instance: ref('c1'), wish: wish({ name: 'meanwhile' }) });
    await expect.poll(() => test.events.some((event) => event.kind === 'operation.closed' && event.payload.id === id && event.payload.status_code === 200)).toBe(true);
  };
  expect(await ended((await service.delete(call, ref('c1'))).id)).toBe('');
  expect(test.world.files.size).toBe(0);
});
