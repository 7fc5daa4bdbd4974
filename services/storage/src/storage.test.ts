import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LxdError } from '@asterism/errors';
import { event } from '@asterism/events';
import { common, storage, Token, type instances, type Agent, type agentBackups, type agentStorage, type backups, type InstanceVolumes, type StoragePools, type StorageVolumes } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { composeForTest, type TestComposition } from '@asterism/testing';
import { storageService } from './index.js';
import { Schedules } from './schedules/schedules.js';

const call = systemCall();
const parse = <T = Record<string, unknown>>(document: common.Document): T => JSON.parse(document.json.toString()) as T;
const listRequest = (recursion: number): common.ListRequest => ({ project: 'default', all_projects: false, recursion, filter: '', visible_projects: [] });

/** What the agent was told, and what it refuses. */
const told: string[] = [];
let refusal: string | undefined;
let refusedOnly = '';
const tell = async (what: string): Promise<Record<string, never>> => {
  told.push(what);
  if (refusal !== undefined && what.startsWith(refusedOnly)) throw new LxdError('internal', refusal);
  return {};
};
const agent = {
  storage: {
    createPool: async (_: unknown, pool: agentStorage.Pool) => tell(`createPool ${pool.name}`).then(() => ({ config: { source: `/pools/${pool.name}`, ...pool.config } })),
    deletePool: async (_: unknown, pool: agentStorage.Pool) => tell(`deletePool ${pool.name}`),
    updatePool: async (_: unknown, pool: agentStorage.Pool) => tell(`updatePool ${pool.name}`),
    getPoolUsage: async () => ({ space_total_bytes: 10, space_used_bytes: 5, inodes_total: 4, inodes_used: 2 }),
    createVolume: async (_: unknown, { volume, source }: agentStorage.CreateVolumeRequest) => tell(`createVolume ${volume?.name} from ${source?.$case}`).then(() => ({ path: `/pools/x/${volume?.name}` })),
    deleteVolume: async (_: unknown, volume: agentStorage.Volume) => tell(`deleteVolume ${volume.name}`),
    renameVolume: async (_: unknown, { volume, new_name }: agentStorage.RenameVolumeRequest) => tell(`renameVolume ${volume?.name} ${new_name}`),
    resizeVolume: async (_: unknown, { volume, size_bytes }: agentStorage.ResizeVolumeRequest) => tell(`resizeVolume ${volume?.name} ${size_bytes}`),
    snapshotVolume: async (_: unknown, { volume, snapshot }: agentStorage.VolumeSnapshot) => tell(`snapshotVolume ${volume?.name} ${snapshot}`),
    deleteSnapshot: async (_: unknown, { volume, snapshot }: agentStorage.VolumeSnapshot) => tell(`deleteSnapshot ${volume?.name} ${snapshot}`),
    renameSnapshot: async (_: unknown, { new_name }: agentStorage.RenameSnapshotRequest) => tell(`renameSnapshot ${new_name}`),
    restoreVolume: async (_: unknown, { volume, snapshot }: agentStorage.VolumeSnapshot) => tell(`restoreVolume ${volume?.name} ${snapshot}`),
    getVolumeUsage: async () => ({ used_bytes: -1, total_bytes: -1 }),
    lookAfter: async () => ({ pools: [] }),
    locateVolume: async (_: unknown, volume: agentStorage.Volume) => ({ path: `/pools/x/${volume.name}` }),
  },
  backups: {
    write: async (_: unknown, { volume, snapshots, index, compression }: agentBackups.WriteBackup) => {
      written.push(JSON.parse(index.toString()));
      return tell(`writeBackup ${volume?.name} [${snapshots.join()}] ${compression}`).then(() => ({ size_bytes: 5, optimized: false }));
    },
    delete: async () => tell('deleteBackup'),
    async receive(_: unknown, frames: AsyncIterable<agentBackups.ReceiveBackup>) {
      let text = '';
      for await (const { part } of frames) if (part?.$case === 'chunk') text += part.value.toString();
      return { size_bytes: text.length, index: Buffer.from(text) };
    },
  },
} as unknown as Partial<Agent>;

const written: unknown[] = [];
const serverConfig: Record<string, string> = { 'backups.compression_algorithm': 'xz' };
const attached: Record<string, string[]> = {};
let composition: TestComposition;
let pools: StoragePools;
let volumes: StorageVolumes;
let instanceVolumes: InstanceVolumes;

beforeAll(async () => {
  const fakes = {
    [Token.Projects]: { requireStaying: async () => ({}), checkSnapshot: async () => ({}), checkBackup: async () => ({}), resolve: async (_: unknown, { project }: { project: string }) => ({ project: { name: project, description: '', config: {} }, profiles: [] }) },
    [Token.Warnings]: { settle: async () => ({}) },
    [Token.Cluster]: { config: async () => ({ config: serverConfig }) },
    [Token.Instances]: { requireVolumeStill: async () => tell('requireVolumeStill'), followVolume: async (_: unknown, { pool, name, new_pool, new_name }: instances.VolumeMoved) => tell(`follow ${pool}/${name} to ${new_pool}/${new_name}`), usedBy: async (_: unknown, { names }: { names: string[] }) => ({ by_key: Object.fromEntries(names.map((name) => [name, { urls: attached[name] ?? [] }])) }) },
    [Token.Profiles]: { usedBy: async (_: unknown, { option, values }: { option: string; values: string[] }) => ({ by_key: option === 'pool' && values.includes('default') ? { default: { urls: ['/1.0/profiles/default'] } } : {} }) },
  };
  composition = await composeForTest([storageService], fakes, agent);
  pools = composition.handler(storage.StoragePoolsDefinition);
  volumes = composition.handler(storage.StorageVolumesDefinition);
  instanceVolumes = composition.handler(storage.InstanceVolumesDefinition);
});
afterAll(() => composition.close());

const newPool = (change: Partial<storage.CreatePool> = {}): storage.CreatePool => ({ name: 'default', driver: 'dir', description: '', config: {}, target: '', ...change });
const ref = (name: string, change: Partial<storage.VolumeRef> = {}): storage.VolumeRef => ({ project: 'default', pool: 'default', type: 'custom', name, ...change });
const newVolume = (name: string, change: Partial<storage.CreateVolume> = {}): storage.CreateVolume => ({ volume: ref(name), description: '', config: {}, content_type: '', copy_from: undefined, volume_only: false, ...change });
const actions = (): string[] => composition.events.flatMap((event) => (event.kind === 'lifecycle' ? [event.payload.action] : []));

describe('pools', () => {
  it('are refused in the words of the reference', async () => {
    const refused = (change: Partial<storage.CreatePool>): Promise<unknown> => pools.create(call, newPool({ name: 'p', ...change })).catch((error: LxdError) => `${error.kind}: ${error.message}`);
    expect(await refused({ name: '' })).toBe('bad-request: No name provided');
    expect(await refused({ name: 'a/b' })).toBe('bad-request: Storage pool names may not contain slashes');
    expect(await refused({ driver: '' })).toBe('bad-request: No driver provided');
    expect(await refused({ name: 'x y' })).toBe('internal: Storage name cannot contain white space');
    expect(await refused({ driver: 'bogus' })).toBe('internal: Unknown driver');
    expect(await refused({ config: { nokey: '1' } })).toBe('internal: Invalid option "nokey"');
    expect(await refused({ name: '..' })).toMatch('Invalid storage pool name');
  });

  it('leave nothing when their member refuses', async () => {
    refusal = "Source path '/nowhere' doesn't exist";
    await expect(pools.create(call, newPool({ name: 'p' }))).rejects.toThrow(refusal);
    refusal = undefined;
    expect(parse(await pools.list(call, listRequest(0)))).toEqual([]);
  });

  it('are made once', async () => {
    expect(await pools.create(call, newPool())).toEqual({ url: '/1.0/storage-pools/default' });
    await expect(pools.create(call, newPool())).rejects.toThrow('The storage pool already exists: The record already exists');
    await pools.create(call, newPool({ name: 'fast', driver: 'btrfs', config: { size: '300MiB', 'volume.size': '1MiB' } }));
    expect(actions()).toContain('storage-pool-created');
  });

  it('look as in the reference', async () => {
    expect(parse(await pools.get(call, { name: 'default' }))).toEqual({
      config: { source: '/pools/default' },
      description: '',
      name: 'default',
      driver: 'dir',
      used_by: ['/1.0/profiles/default'],
      status: 'Created',
      locations: ['none'],
    });
    expect(parse(await pools.get(call, { name: 'fast' }))).toMatchObject({ used_by: null, config: { size: '300MiB' } });
    expect(parse(await pools.list(call, listRequest(0)))).toEqual(['/1.0/storage-pools/default', '/1.0/storage-pools/fast']);
    expect(parse(await pools.resources(call, { name: 'default' }))).toEqual({ space: { used: 5, total: 10 }, inodes: { used: 2, total: 4 } });
  });

  it('stay where they are', async () => {
    const update = (config: Record<string, string>, mode = common.UpdateMode.REPLACE, if_match = ''): Promise<unknown> => pools.update(call, { name: 'default', config, mode, if_match });
    await expect(update({})).rejects.toThrow('Pool source cannot be changed when not in pending state');
    await update({ 'user.a': 'b' }, common.UpdateMode.MERGE);
    expect(parse(await pools.get(call, { name: 'default' }))).toMatchObject({ config: { source: '/pools/default', 'user.a': 'b' } });
    await expect(update({}, common.UpdateMode.MERGE, 'stale')).rejects.toThrow(/ETag doesn't match: \w+ vs stale/);
  });

  it('in use are kept', async () => {
    await expect(pools.delete(call, { name: 'default' })).rejects.toThrow('The storage pool is currently in use');
  });
});

describe('custom volumes', () => {
  it('are refused in the words of the reference', async () => {
    const refused = (name: string, change: Partial<storage.CreateVolume> = {}): Promise<unknown> => volumes.create(call, newVolume(name, change)).catch((error: LxdError) => `${error.kind}: ${error.message}`);
    expect(await refused('')).toBe('bad-request: No name provided');
    expect(await refused('a/b')).toBe('bad-request: Storage volume names may not contain slashes');
    expect(await refused('v', { volume: ref('v', { type: 'image' }) })).toBe('bad-request: Currently not allowed to create storage volumes of type "image"');
    expect(await refused('v', { volume: ref('v', { pool: 'nope' }) })).toBe('not-found: Storage pool not found');
    expect(await refused('v', { content_type: 'bogus' })).toBe('bad-request: Invalid volume content type name');
    expect(await refused('v', { config: { size: 'bogus' } })).toBe('internal: Invalid value for volume "default_v" option "size": Invalid value: bogus');
    expect(await refused('..')).toMatch('Invalid storage volume name');
  });

  it('are made once, with the defaults of the pool, and have the ETag of the reference', async () => {
    expect(await volumes.create(call, newVolume('vol1'))).toEqual({ url: '/1.0/storage-pools/default/volumes/custom/vol1', operation: undefined });
    await expect(volumes.create(call, newVolume('vol1'))).rejects.toThrow('Volume by that name already exists');
    await volumes.create(call, newVolume('v', { volume: ref('v', { pool: 'fast' }) }));
    expect(parse(await volumes.get(call, ref('v', { pool: 'fast' })))).toMatchObject({ config: { size: '1MiB' } });
    const answer = await volumes.get(call, ref('vol1'));
    expect(answer.etag).toBe('c0f118c8d1d58927cdc9888ea165dc541f369cee9bdced275accd1bc7702d520');
    expect(parse(answer)).toEqual({
      config: {},
      description: '',
      name: 'vol1',
      type: 'custom',
      used_by: [],
      location: 'none',
      content_type: 'filesystem',
      project: 'default',
      created_at: '0001-01-01T00:00:00Z',
    });
  });

  it('leave nothing when their member refuses', async () => {
    refusal = 'no space';
    await expect(volumes.create(call, newVolume('lost'))).rejects.toThrow('no space');
    refusal = undefined;
    await expect(volumes.get(call, ref('lost'))).rejects.toThrow('Storage pool volume not found');
  });

  it('are resized, renamed and kept while in use', async () => {
    const update = { volume: ref('vol1'), config: { size: '10MiB' }, description: 'd', mode: common.UpdateMode.REPLACE, if_match: '', restore: '' };
    await volumes.update(call, update);
    expect(told.at(-1)).toBe('resizeVolume default_vol1 10485760');
    const rename = { volume: ref('vol1'), new_name: 'vol2', new_pool: '', new_project: '' };
    attached['default/custom/vol1'] = ['/1.0/instances/c1'];
    await expect(volumes.delete(call, ref('vol1'))).rejects.toThrow('The storage volume is still in use');
    delete attached['default/custom/vol1'];
    expect((await volumes.rename(call, rename)).url).toBe('/1.0/storage-pools/default/volumes/custom/vol2');
    expect(told.slice(-2)).toEqual(['renameVolume default_vol1 default_vol2', 'follow default/vol1 to default/vol2']);
    expect(parse(await volumes.get(call, ref('vol2')))).toMatchObject({ description: 'd', config: { size: '10MiB' } });
  });

  it('are snapshotted, restored and copied as operations', async () => {
    const snapshot = (name: string): Promise<unknown> => volumes.createSnapshot(call, { volume: ref('vol2'), snapshot: name });
    await snapshot('');
    await snapshot('s1');
    await composition.settle();
    await expect(snapshot('s1')).rejects.toThrow('Snapshot "s1" already in use');
    expect(parse(await volumes.listSnapshots(call, { volume: ref('vol2'), recursion: 0 }))).toEqual(['snap0', 's1'].map((name) => `/1.0/storage-pools/default/volumes/custom/vol2/snapshots/${name}`));
    expect(parse(await volumes.listSnapshots(call, { volume: ref('vol2'), recursion: 1 }))).toMatchObject([{ name: 'vol2/snap0', expires_at: null, content_type: '' }, { name: 'vol2/s1' }]);
    expect(parse(await volumes.get(call, ref('vol2/s1')))).toMatchObject({ name: 's1', expires_at: '0001-01-01T00:00:00Z', content_type: 'filesystem' });
    await volumes.update(call, { volume: ref('vol2'), config: {}, mode: common.UpdateMode.REPLACE, if_match: '', restore: 's1' });
    expect(told.at(-1)).toBe('restoreVolume default_vol2 s1');
    await volumes.create(call, newVolume('copy', { copy_from: ref('vol2') }));
    await composition.settle();
    expect(parse(await volumes.list(call, { pool: 'default', type: 'custom', list: listRequest(0) }))).toEqual(
      ['copy', 'copy/snapshots/snap0', 'copy/snapshots/s1', 'vol2', 'vol2/snapshots/snap0', 'vol2/snapshots/s1'].map((name) => `/1.0/storage-pools/default/volumes/custom/${name}`),
    );
  });

  it('fail to be copied from nothing, and leave nothing', async () => {
    await volumes.create(call, newVolume('copy2', { copy_from: ref('nope') }));
    await composition.settle();
    const closed = composition.events.findLast((event) => event.kind === 'operation.closed');
    expect(closed?.payload).toMatchObject({ status_code: 400, error: expect.stringContaining('Storage volume "nope" in project "default"') as string });
    await expect(volumes.get(call, ref('copy2'))).rejects.toThrow('Storage pool volume not found');
  });

  it('move to another pool with their snapshots', async () => {
    await volumes.rename(call, { volume: ref('copy'), new_name: 'moved', new_pool: 'fast', new_project: '' });
    await composition.settle();
    await expect(volumes.get(call, ref('copy'))).rejects.toThrow('Storage pool volume not found');
    expect(parse<string[]>(await volumes.listSnapshots(call, { volume: ref('moved', { pool: 'fast' }), recursion: 0 }))).toHaveLength(2);
    expect(told).toContain('deleteVolume default_copy');
    await expect.poll(() => told.at(-1)).toBe('follow default/copy to fast/moved');
  });

  it('that cannot be taken away where they were are copied, and both stay', async () => {
    await volumes.create(call, newVolume('stuck'));
    [refusal, refusedOnly] = ['target is busy', 'deleteVolume default_stuck'];
    await volumes.rename(call, { volume: ref('stuck'), new_name: 'stuck', new_pool: 'fast', new_project: '' });
    await composition.settle();
    [refusal, refusedOnly] = [undefined, ''];
    expect(composition.events.findLast((event) => event.kind === 'operation.closed')?.payload).toMatchObject({ status_code: 400, error: 'target is busy' });
    for (const one of [ref('stuck'), ref('stuck', { pool: 'fast' })]) {
      expect(parse(await volumes.get(call, one))).toMatchObject({ name: 'stuck' });
      await volumes.delete(call, one);
    }
  });

  it('go with their snapshots', async () => {
    await volumes.deleteSnapshot(call, ref('vol2/s1'));
    await composition.settle();
    expect(told.at(-1)).toBe('deleteSnapshot default_vol2 s1');
    await volumes.delete(call, ref('vol2'));
    expect(actions().slice(-2)).toEqual(['storage-volume-snapshot-deleted', 'storage-volume-deleted']);
  });
});

describe('backups of custom volumes', () => {
  const wish = (change: Partial<backups.BackupWish> = {}): backups.BackupWish => ({ name: '', expires_at_ms: 0, only: false, optimized: false, compression: '', ...change });
  const names = async (): Promise<string[]> => parse<{ name: string }[]>(await volumes.listBackups(call, { volume: ref('kept'), recursion: 1 })).map(({ name }) => name);
  const archive = async function* (index: object, name: string): AsyncIterable<backups.BackupUpload> {
    yield { part: { $case: 'header', value: { project: 'default', pool: 'default', name } } };
    yield { part: { $case: 'chunk', value: Buffer.from(JSON.stringify(index)) } };
  };
  const indexOf = (change: object = {}): object => ({ name: 'kept', type: 'custom', backend: 'dir', optimized: 'false', snapshots: ['s0'], config: { volume: { description: 'd', content_type: 'filesystem', config: { 'user.a': 'b', 'volatile.idmap.last': '[]' } }, volume_snapshots: [{ name: 's0', config: {} }] }, ...change });

  it('are written with their snapshots, renamed, and removed', async () => {
    await volumes.create(call, newVolume('kept'));
    await volumes.createSnapshot(call, { volume: ref('kept'), snapshot: 's0', expires_at_ms: undefined });
    await composition.settle();
    await volumes.createBackup(call, { volume: ref('kept'), wish: wish() });
    await composition.settle();
    expect(told.at(-1)).toBe('writeBackup default_kept [s0] xz');
    expect(written.at(-1)).toMatchObject({ name: 'kept', type: 'custom', backend: 'dir', pool: 'default', snapshots: ['s0'], config: { volume: { name: 'kept' }, volume_snapshots: [{ name: 's0' }] } });
    await volumes.renameBackup(call, { backup: { volume: ref('kept'), backup: 'backup0' }, new_name: 'nightly' });
    await composition.settle();
    expect(await names()).toEqual(['nightly']);
    await volumes.deleteBackup(call, { volume: ref('kept'), backup: 'nightly' });
    await composition.settle();
    expect(await names()).toEqual([]);
    await expect(volumes.getBackup(call, { volume: ref('kept'), backup: 'nightly' })).rejects.toThrow('Storage volume backup not found');
  });

  it('leave nothing when their member refuses', async () => {
    refusal = 'disk full';
    await volumes.createBackup(call, { volume: ref('kept'), wish: wish({ name: 'lost' }) });
    await composition.settle();
    refusal = undefined;
    expect(await names()).toEqual([]);
  });

  it('are refused in the words of the reference', async () => {
    await expect(volumes.createBackup(call, { volume: ref('kept'), wish: wish({ name: 'a/b' }) })).rejects.toThrow('Backup names may not contain slashes');
    await expect(volumes.createBackup(call, { volume: ref('kept'), wish: wish({ compression: 'sh -c x' }) })).rejects.toThrow('Invalid compression algorithm');
    await expect(volumes.createBackup(call, { volume: ref('kept', { type: 'container' }), wish: wish() })).rejects.toThrow('Invalid storage volume type "container"');
  });

  it('go when their time is over, and snapshots are taken when theirs has come', async () => {
    await volumes.createBackup(call, { volume: ref('kept'), wish: wish({ expires_at_ms: 1000 }) });
    await volumes.update(call, { volume: ref('kept'), description: undefined, config: { 'snapshots.schedule': '* * * * *', 'snapshots.expiry': '1M' }, mode: common.UpdateMode.MERGE, if_match: '', restore: '', expires_at_ms: undefined });
    await composition.settle();
    const schedules = composition.composition.app.get(Schedules, { strict: false });
    await schedules.run(new Date());
    await composition.settle();
    expect(await names()).toEqual([]);
    expect(parse(await volumes.listSnapshots(call, { volume: ref('kept'), recursion: 0 }))).toHaveLength(2);
    serverConfig['storage.backups_volume'] = 'default/kept'; // the server's own have none
    await schedules.run(new Date(Date.now() + 60_000));
    await composition.settle();
    delete serverConfig['storage.backups_volume'];
    expect(parse(await volumes.listSnapshots(call, { volume: ref('kept'), recursion: 0 }))).toHaveLength(1); // that of the minute before is over, and none has come
    await volumes.update(call, { volume: ref('kept'), description: undefined, config: { 'snapshots.schedule': '' }, mode: common.UpdateMode.MERGE, if_match: '', restore: '', expires_at_ms: undefined });
    await schedules.run(new Date(Date.now() + 180_000));
    expect(parse(await volumes.listSnapshots(call, { volume: ref('kept'), recursion: 0 }))).toHaveLength(1);
  });

  it('become volumes, checked like any other', async () => {
    await volumes.importBackup(call, archive(indexOf(), 'back'));
    await composition.settle();
    expect(told).toContain('createVolume default_back from backup');
    expect(parse(await volumes.get(call, ref('back')))).toMatchObject({ description: 'd', config: { 'user.a': 'b' } });
    expect(parse(await volumes.listSnapshots(call, { volume: ref('back'), recursion: 0 }))).toHaveLength(1);
    for (const [change, name, words] of [
      [{}, 'back', 'Volume by that name already exists'],
      [{}, '../x', 'may not contain slashes'],
      [{ type: 'container' }, 'n', 'not of a custom volume'],
      [{ snapshots: ['../../x'] }, 'n', 'cannot contain "/"'],
      [{ snapshots: ['s0', 's0'] }, 'n', 'a snapshot twice'],
      [{ backend: 'btrfs', optimized: 'true' }, 'n', 'differs from the target storage pool driver "dir"'],
      [{ config: { volume: { config: { nokey: '1' } } } }, 'n', 'Invalid option for volume'],
      [{ config: [] }, 'n', 'config must be a mapping'],
    ] as const) {
      await expect(volumes.importBackup(call, archive(indexOf(change), name))).rejects.toThrow(words);
      expect(told.at(-1)).toBe('deleteBackup');
    }
    for (const name of ['back', 'kept']) await volumes.delete(call, ref(name));
  });
});

describe('volumes of instances', () => {
  const c1 = ref('c1', { type: 'container', pool: 'fast' });
  const creation = { volume: c1, member: 'none', config: {}, size: '1GiB', source: { $case: 'image_fingerprint' as const, value: 'f00d' }, snapshots: [] };

  it('are made as often as asked, with their image', async () => {
    for (let time = 0; time < 2; time++) expect(await instanceVolumes.create(call, creation)).toEqual({ path: '/pools/x/c1' });
    expect(parse(await volumes.list(call, { pool: 'fast', type: '', list: listRequest(0) }))).toEqual(
      expect.arrayContaining(['/1.0/storage-pools/fast/volumes/container/c1', '/1.0/storage-pools/fast/volumes/image/f00d']),
    );
    expect(parse(await pools.get(call, { name: 'fast' }))).toMatchObject({ used_by: expect.arrayContaining(['/1.0/images/f00d', '/1.0/instances/c1']) as string[] });
    expect(parse(await volumes.get(call, c1))).toMatchObject({ used_by: ['/1.0/instances/c1'] });
  });

  it('carry their project on disk', async () => {
    await instanceVolumes.create(call, { ...creation, volume: { ...c1, project: 'p1' } });
    expect(told.at(-1)).toBe('createVolume p1_c1 from image_fingerprint');
  });

  it('are snapshotted, renamed and deleted as often as asked', async () => {
    const twice = async (work: () => Promise<unknown>): Promise<void> => {
      await work();
      await work();
    };
    await twice(() => instanceVolumes.snapshot(call, { ...c1, name: 'c1/s0' }));
    expect(parse(await pools.get(call, { name: 'fast' }))).toMatchObject({ used_by: expect.arrayContaining(['/1.0/instances/c1/snapshots/s0']) as string[] });
    await twice(() => instanceVolumes.rename(call, { volume: c1, new_name: 'c2' }));
    await twice(() => instanceVolumes.delete(call, { ...c1, name: 'c2/s0' }));
    await twice(() => instanceVolumes.delete(call, { ...c1, name: 'c2' }));
    await expect(instanceVolumes.locate(call, { ...c1, name: 'c2' })).rejects.toThrow('Storage pool volume not found');
  });

  it('that a creation left without a row are deleted where they were to be', async () => {
    await instanceVolumes.delete(call, { ...c1, name: 'cut', member: 'none' });
    expect(told.at(-1)).toBe('deleteVolume cut');
  });

  it('forget an image', async () => {
    await instanceVolumes.forgetImage(call, { fingerprint: 'f00d' });
    expect(told.at(-1)).toBe('deleteVolume f00d');
    expect(parse(await volumes.list(call, { pool: 'fast', type: 'image', list: listRequest(0) }))).toEqual([]);
  });
});

describe('what a process left when it died', () => {
  it('is settled when the member is there again', async () => {
    const { database, bus } = composition.runtime;
    const insert = (name: string, newName: string, ready: boolean): Promise<unknown> =>
      database!.query(
        `INSERT INTO storage.volumes (pool_id, member, project, type, name, ready, maker, new_name)
         SELECT id, 'none', 'default', 'custom', $1, $2, 'test earlier', $3 FROM storage.pools WHERE name = 'default'`,
        [name, ready, newName],
      );
    await insert('half', '', false);
    await insert('old', 'new', true);
    await database!.query(`WITH pool AS (INSERT INTO storage.pools (name, driver, maker) VALUES ('halfpool', 'dir', 'test earlier') RETURNING id) INSERT INTO storage.pool_members (pool_id, member) SELECT id, 'none' FROM pool`);
    told.length = 0;
    await bus.publish(event('agent.ready', { member: 'none' }));
    expect(told.toSorted()).toEqual(['deletePool halfpool', 'deleteVolume default_half', 'renameVolume default_old default_new']);
    await expect(volumes.get(call, ref('half'))).rejects.toThrow('Storage pool volume not found');
    expect(parse(await volumes.get(call, ref('new')))).toMatchObject({ name: 'new' });
    await expect(pools.get(call, { name: 'halfpool' })).rejects.toThrow('Storage pool not found');
  });

  it('keeps a pool that is used, whose deletion was cut off', async () => {
    const { database, bus } = composition.runtime;
    await database!.query(`UPDATE storage.pools SET ready = false, maker = 'test earlier' WHERE name = 'default'`);
    told.length = 0;
    await bus.publish(event('agent.ready', { member: 'none' }));
    expect(told).toEqual([]);
    expect(parse(await pools.get(call, { name: 'default' }))).toMatchObject({ status: 'Created' });
  });
});
