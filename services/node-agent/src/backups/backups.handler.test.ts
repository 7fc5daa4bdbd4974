import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmod, chown, lstat, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile, link } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { agentBackups, agentStorage } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linuxHost } from '../host/linux-host.js';
import { tarOf, type TestEntry } from '../images/hostile-archives.js';
import { StorageHandler } from '../storage/storage.handler.js';
import { BackupsHandler } from './backups.handler.js';

const call = systemCall();
const host = linuxHost();
let stateDir: string;
let storage: StorageHandler;
let backups: BackupsHandler;
const pools: Record<string, agentStorage.Pool> = {};

beforeAll(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'asterism-backups-'));
  storage = new StorageHandler(host, stateDir);
  backups = new BackupsHandler(host, stateDir, storage);
  await backups.start();
  const wished: agentStorage.Pool[] = [
    { name: 'plain', driver: 'dir', config: {} },
    { name: 'fast', driver: 'btrfs', config: { size: '256MiB' } },
  ];
  for (const pool of wished) {
    pools[pool.name] = { ...pool, config: (await storage.createPool(call, pool)).config };
  }
});
afterAll(async () => {
  for (const pool of Object.values(pools)) await storage.deletePool(call, pool);
  await rm(stateDir, { recursive: true });
});

const volume = (pool: string, name: string, change: Partial<agentStorage.Volume> = {}): agentStorage.Volume => ({ pool: pools[pool], type: 'container', name, content_type: 'filesystem', config: {}, size_bytes: 0, ...change });
const index = (more: object = {}): Buffer => Buffer.from(JSON.stringify({ name: 'c1', backend: 'btrfs', pool: 'fast', type: 'container', ...more }));

/** A container's volume with two snapshots: "one" in s0, "two" in s1, "three" in itself. */
async function filled(pool: string, name: string): Promise<agentStorage.Volume> {
  const made = volume(pool, name);
  const { path } = await storage.createVolume(call, { volume: made, source: { $case: 'empty', value: {} } });
  const root = join(path, 'rootfs');
  await mkdir(join(root, 'bin'), { recursive: true });
  await writeFile(join(path, 'metadata.yaml'), 'architecture: x86_64\n');
  await writeFile(join(path, 'backup.yaml'), 'container: {}\n');
  await writeFile(join(root, 'bin/ping'), 'x');
  await chown(join(root, 'bin/ping'), 1234, 4321);
  await chmod(join(root, 'bin/ping'), 0o4755);
  execFileSync('setcap', ['cap_net_raw+ep', join(root, 'bin/ping')]);
  await link(join(root, 'bin/ping'), join(root, 'bin/ping4'));
  await symlink(`${path.slice(1)}/rootfs`, join(root, 'tempting'));
  for (const [snapshot, text] of [['s0', 'one'], ['s.1', 'two'], ['', 'three']] as const) {
    await writeFile(join(root, 'file'), text);
    if (snapshot) await storage.snapshotVolume(call, { volume: made, snapshot });
  }
  return made;
}

async function written(made: agentStorage.Volume, change: Partial<agentBackups.WriteBackup> = {}): Promise<string> {
  const id = randomUUID();
  await backups.write(call, { id, volume: made, snapshots: ['s0', 's.1'], index: index(), optimized: false, compression: 'gzip', ...change });
  return id;
}

async function received(bytes: Buffer): Promise<{ id: string; index: Record<string, unknown> }> {
  const id = randomUUID();
  const answer = await backups.receive(
    call,
    (async function* () {
      yield { part: { $case: 'header' as const, value: { id, max_bytes: 0 } } };
      yield { part: { $case: 'chunk' as const, value: bytes } };
    })(),
  );
  return { id, index: JSON.parse(answer.index.toString()) as Record<string, unknown> };
}

const bytesOf = (id: string): Promise<Buffer> => readFile(join(stateDir, 'backups', id));
const restored = async (made: agentStorage.Volume, id: string, snapshots: string[], idmaps: Record<string, string> = {}): Promise<string> =>
  (await storage.createVolume(call, { volume: made, source: { $case: 'backup', value: { id, snapshots, idmaps } } })).path;

describe.each([
  { from: 'plain', to: 'plain', optimized: false, compression: 'gzip' },
  { from: 'plain', to: 'fast', optimized: true, compression: 'none' },
  { from: 'fast', to: 'plain', optimized: false, compression: 'zstd' },
  { from: 'fast', to: 'fast', optimized: false, compression: 'xz -1' },
  { from: 'fast', to: 'fast', optimized: true, compression: 'gzip' },
  { from: 'plain', to: 'fast', optimized: false, compression: 'squashfs' },
])('a backup from $from to $to, optimized $optimized, $compression', ({ from, to, optimized, compression }) => {
  const name = `${from}-${to}-${compression.split(' ')[0]}-${optimized}`;

  it('brings back content, owners, modes, links and snapshots', async () => {
    const id = await written(await filled(from, name), { optimized, compression });
    const { id: copy, index: said } = await received(await bytesOf(id));
    expect(said).toMatchObject({ name: 'c1', optimized: String(optimized && from === 'fast'), type: 'container' });
    const made = volume(to, `${name}-back`);
    const path = await restored(made, copy, ['s0', 's.1']);
    expect(await readFile(join(path, 'rootfs/file'), 'utf8')).toBe('three');
    const snapshots = path.replace('/containers/', '/containers-snapshots/');
    expect(await readFile(join(snapshots, 's0/rootfs/file'), 'utf8')).toBe('one');
    expect(await readFile(join(snapshots, 's.1/rootfs/file'), 'utf8')).toBe('two');
    const ping = await lstat(join(path, 'rootfs/bin/ping'));
    expect([ping.uid, ping.gid, ping.mode & 0o7777, ping.nlink]).toEqual([1234, 4321, 0o4755, 2]);
    expect(execFileSync('getcap', [join(path, 'rootfs/bin/ping')]).toString()).toContain('cap_net_raw=ep');
    expect(execFileSync('readlink', [join(path, 'rootfs/tempting')]).toString()).toContain(`containers/${name}/rootfs`);
    await storage.restoreVolume(call, { volume: made, snapshot: 's0' });
    expect(await readFile(join(path, 'rootfs/file'), 'utf8')).toBe('one');
    for (const each of [id, copy]) await backups.delete(call, { id: each });
    for (const each of [made, volume(from, name)]) await storage.deleteVolume(call, each);
    expect(await readdir(join(stateDir, 'backups'))).toEqual([]);
    for (const pool of [from, to]) expect(await readdir(join(stateDir, 'storage-pools', pool, '.scratch'))).toEqual([]);
  });
});

it('packs no streams into squashfs, and leaves nothing of the attempt', async () => {
  const made = await filled('fast', 'squashed');
  await expect(written(made, { optimized: true, compression: 'squashfs' })).rejects.toThrow('not packed into squashfs');
  expect(await readdir(join(stateDir, 'backups'))).toEqual([]);
  await storage.deleteVolume(call, made);
});

it('brings back subvolumes that a guest made', async () => {
  const made = await filled('fast', 'nested');
  const path = join(stateDir, 'storage-pools/fast/containers/nested/rootfs/my-sub');
  execFileSync('btrfs', ['subvolume', 'create', path]);
  await writeFile(join(path, 'inside'), 'kept');
  const { id } = await received(await bytesOf(await written(made, { optimized: true })));
  const back = await restored(volume('fast', 'nested-back'), id, ['s0', 's.1']);
  expect(await readFile(join(back, 'rootfs/my-sub/inside'), 'utf8')).toBe('kept');
  for (const each of ['nested', 'nested-back']) await storage.deleteVolume(call, volume('fast', each));
});

it('unpacks a custom volume, and a block volume as the file it is', async () => {
  const made = volume('plain', 'default_v1', { type: 'custom' });
  const { path } = await storage.createVolume(call, { volume: made, source: { $case: 'empty', value: {} } });
  await writeFile(join(path, 'metadata.yaml'), 'just a file');
  await mkdir(join(path, 'odd dir'));
  const { id } = await received(await bytesOf(await written(made, { snapshots: [] })));
  const back = await restored(volume('fast', 'default_v2', { type: 'custom' }), id, []);
  expect(await readdir(back)).toEqual(['metadata.yaml', 'odd dir']);
  const block = volume('plain', 'default_b1', { type: 'custom', content_type: 'block', size_bytes: 1024 * 1024 });
  const file = join((await storage.createVolume(call, { volume: block, source: { $case: 'empty', value: {} } })).path, 'root.img');
  await writeFile(file, Buffer.alloc(1024 * 1024, 7));
  const { id: second } = await received(await bytesOf(await written(block, { snapshots: [] })));
  const image = join(await restored({ ...block, name: 'default_b2' }, second, []), 'root.img');
  expect((await readFile(image)).equals(await readFile(file))).toBe(true);
});

it('takes back the shift of a server without idmapped mounts', async () => {
  const entries: TestEntry[] = [
    { name: 'backup/index.yaml', content: 'name: c1\n' },
    { name: 'backup/container/metadata.yaml', content: '', uid: 0, gid: 0 },
    { name: 'backup/container/rootfs', type: 'directory', uid: 100000, gid: 100000 },
    { name: 'backup/container/rootfs/su', content: 'x', uid: 100000, gid: 100042, mode: 0o4755 },
  ];
  const { id } = await received(await tarOf(entries));
  const map = JSON.stringify([{ Isuid: true, Isgid: false, Hostid: 100000, Nsid: 0, Maprange: 65536 }, { Isuid: false, Isgid: true, Hostid: 100000, Nsid: 0, Maprange: 65536 }]);
  const path = await restored(volume('plain', 'shifted'), id, [], { '': map });
  const su = await lstat(join(path, 'rootfs/su'));
  expect([su.uid, su.gid, su.mode & 0o7777]).toEqual([0, 42, 0o4755]);
});

it.each(['plain', 'fast'])('brings back an instance that was made empty, in %s', async (pool) => {
  const made = volume(pool, 'void');
  await storage.createVolume(call, { volume: made, source: { $case: 'empty', value: {} } });
  for (const optimized of [false, true]) {
    const { id } = await received(await bytesOf(await written(made, { snapshots: [], optimized })));
    expect(await readdir(await restored(volume(pool, `void-${optimized}`), id, []))).not.toContain('rootfs');
  }
});

describe('an archive that is none', () => {
  const indexEntry: TestEntry = { name: 'backup/index.yaml', content: 'name: c1\n' };
  const tree: TestEntry[] = [indexEntry, { name: 'backup/container/rootfs', type: 'directory' }];

  it.each([
    ['of no known format', Buffer.from('hello'), 'Unsupported compression'],
    ['that is empty', Buffer.alloc(0), 'EOF'],
  ])('%s', async (_, bytes, words) => {
    await expect(received(bytes)).rejects.toThrow(words);
    expect((await readdir(join(stateDir, 'backups'))).filter((name) => name.endsWith('.partial'))).toEqual([]);
  });

  it('has no index', async () => expect(received(await tarOf([{ name: 'x', content: 'y' }]))).rejects.toThrow('Backup is missing index.yaml'));
  it('has an index that is a symlink', async () => expect(received(await tarOf([{ name: 'backup/index.yaml', type: 'symlink', linkname: '/etc/shadow' }]))).rejects.toThrow('is no file'));
  it.each(['[', '{', '- ', '? '])('has an index of nothing but %j', async (text) => {
    await expect(received(await tarOf([{ name: 'backup/index.yaml', content: `a:\n  ${text.repeat(10_000)}` }]))).rejects.toThrow('nested too deeply');
  });
  it('has an index that is no mapping', async () => expect(received(await tarOf([{ name: 'backup/index.yaml', content: '- a' }]))).rejects.toThrow('must be a mapping'));

  it.each<[string, TestEntry[], string | RegExp]>([
    ['links out of its tree', [...tree, { name: 'backup/container/rootfs/x', type: 'link', linkname: 'backup/index.yaml' }], 'hard link leads out'],
    ['writes through a symlink', [...tree, { name: 'backup/container/rootfs/door', type: 'symlink', linkname: '/tmp' }, { name: 'backup/container/rootfs/door/x', content: 'x' }], 'passes through a symlink'],
    ['climbs', [...tree, { name: 'backup/container/rootfs/../../../x', content: 'x' }], '".." in name'],
    ['has a root file system that is a symlink', [indexEntry, { name: 'backup/container/rootfs', type: 'symlink', linkname: '/' }], 'unexpected symlink'],
    ['has templates that are a symlink', [...tree, { name: 'backup/container/templates', type: 'symlink', linkname: '/etc' }], 'unexpected symlink'],
    ['has no tree at all', [indexEntry], 'Backup is missing backup/container'],
    ['scatters its tree', [...tree, { name: 'backup/snapshots/s0/rootfs', type: 'directory' }, { name: 'backup/container/rootfs/x', content: 'x' }], 'lie apart'],
  ])('%s', async (_, entries, words) => {
    const { id } = await received(await tarOf(entries));
    await expect(restored(volume('plain', 'bad'), id, entries.some(({ name }) => name.includes('snapshots')) ? ['s0'] : [])).rejects.toThrow(words);
    expect(await readdir(join(stateDir, 'storage-pools/plain/containers'))).not.toContain('bad');
    expect(await readdir(join(stateDir, 'storage-pools/plain/.scratch'))).toEqual([]);
  });

  it('claims to be optimized for another driver, or for a stream that is none', async () => {
    const claim = (backend: string): TestEntry => ({ name: 'backup/index.yaml', content: `name: c1\nbackend: ${backend}\noptimized: true\n` });
    const { id } = await received(await tarOf([claim('btrfs')]));
    await expect(restored(volume('plain', 'bad'), id, [])).rejects.toThrow('Optimized backup storage driver "btrfs" differs from the target storage pool driver "dir"');
    const { id: second } = await received(await tarOf([claim('btrfs'), { name: 'backup/container.bin', content: 'no stream' }]));
    await expect(restored(volume('fast', 'bad'), second, [])).rejects.toThrow(/btrfs receive/);
    const header = { name: 'backup/optimized_header.yaml', content: 'subvolumes:\n- path: /../x\n  snapshot: ""\n' };
    const { id: third } = await received(await tarOf([claim('btrfs'), header, { name: 'backup/container.bin', content: 'no stream' }]));
    await expect(restored(volume('fast', 'bad'), third, [])).rejects.toThrow('strange subvolume');
    expect(await readdir(join(stateDir, 'storage-pools/fast/.scratch'))).toEqual([]);
  });
});
