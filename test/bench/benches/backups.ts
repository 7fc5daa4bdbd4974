import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { busyboxImage } from '@asterism/images/busybox';
import type { TestServer } from '../../servers/server.js';
import { timed } from '../bench.js';
import type { Bench } from '../bench.js';
import { deleteInstance } from '../instances.js';

const pools = ['default', 'fast'] as const;
const driverOf = { default: 'dir', fast: 'btrfs' } as const;

/** 8 MiB that do not compress, 24 that do, and 2000 small files. */
let archive: Promise<Buffer> | undefined;
async function image(): Promise<Buffer> {
  const small = Array.from({ length: 2000 }, (_, index) => ({ path: `/srv/file-${index}`, content: Buffer.from(`${index}\n`.repeat(100)) }));
  const text = Buffer.from(Array.from({ length: 300_000 }, (_, index) => `line ${index} of some text that compresses as texts do, ${(index * 7919) % 1000}\n`).join(''));
  archive ??= busyboxImage(readFileSync('/bin/busybox'), { description: 'Backed up', files: [{ path: '/random', content: randomBytes(8 << 20) }, { path: '/text', content: text }, ...small] });
  return await archive;
}

/** An instance "kept" of such an image in the pool, with one snapshot. */
async function prepare(server: TestServer, pool: string): Promise<void> {
  const answer = await server.client.send({ method: 'POST', path: '/1.0/images', headers: { 'Content-Type': 'application/octet-stream' }, body: await image() });
  const operation = await server.client.wait((JSON.parse(answer.body.toString()) as { operation: string }).operation);
  const fingerprint = String(operation.metadata?.['fingerprint']);
  await server.client.change('POST', '/1.0/instances', { name: 'kept', source: { type: 'image', fingerprint }, devices: { root: { type: 'disk', path: '/', pool } } });
  await server.client.change('POST', '/1.0/instances/kept/snapshots', { name: 's0' });
  await server.client.change('DELETE', `/1.0/images/${fingerprint}`);
}

async function write(server: TestServer, wish: object): Promise<void> {
  await server.client.change('POST', '/1.0/instances/kept/backups', { name: 'b', ...wish });
}

async function remove(server: TestServer): Promise<void> {
  await server.client.change('DELETE', '/1.0/instances/kept/backups/b');
}

async function bring(server: TestServer, body: Buffer): Promise<void> {
  const headers = { 'Content-Type': 'application/octet-stream', 'X-LXD-name': 'brought' };
  const answer = await server.client.send({ method: 'POST', path: '/1.0/instances', headers, body });
  await server.client.wait((JSON.parse(answer.body.toString()) as { operation: string }).operation);
}

function writes(pool: (typeof pools)[number], words: string, wish: object): Bench {
  return {
    name: `backup and download, ${driverOf[pool]}, ${words}`,
    group: `backups-${driverOf[pool]}`,
    unit: 'ms',
    repetitions: 6,
    aim: { atMost: 1 },
    sample: async (server) => {
      const time = await timed(async () => {
        await write(server, wish);
        await server.client.send({ path: '/1.0/instances/kept/backups/b/export' });
      });
      await remove(server);
      return time;
    },
  };
}

function imports(pool: (typeof pools)[number], words: string, wish: object): Bench {
  const archives = new Map<TestServer, Buffer>();
  return {
    name: `import, ${driverOf[pool]}, ${words}`,
    group: `backups-${driverOf[pool]}`,
    unit: 'ms',
    repetitions: 6,
    aim: { atMost: 1 },
    prepare: async (server) => {
      await write(server, wish);
      archives.set(server, (await server.client.send({ path: '/1.0/instances/kept/backups/b/export' })).body);
      await remove(server);
    },
    sample: async (server) => {
      const time = await timed(async () => await bring(server, archives.get(server)!));
      await deleteInstance(server, 'brought');
      return time;
    },
  };
}

function copies(pool: (typeof pools)[number]): Bench {
  return {
    name: `copy with a snapshot, ${driverOf[pool]}`,
    group: `backups-${driverOf[pool]}`,
    unit: 'ms',
    repetitions: 6,
    aim: { atMost: 1 },
    sample: async (server) => {
      const devices = { root: { type: 'disk', path: '/', pool } };
      const time = await timed(async () => await server.client.change('POST', '/1.0/instances', { name: 'copied', source: { type: 'copy', source: 'kept' }, devices }));
      await deleteInstance(server, 'copied');
      return time;
    },
    clean: async (server) => await deleteInstance(server, 'kept'),
  };
}

/** A copy with its snapshot that is brought up to date: one file is newer in the source. */
function refreshes(pool: (typeof pools)[number]): Bench {
  const copy = { name: 'mirror', source: { type: 'copy', source: 'kept' }, devices: { root: { type: 'disk', path: '/', pool } } };
  let round = 0;
  return {
    name: `copy --refresh, ${driverOf[pool]}`,
    group: `backups-${driverOf[pool]}`,
    unit: 'ms',
    repetitions: 6,
    aim: { atMost: 1 },
    prepare: async (server) => void (await server.client.change('POST', '/1.0/instances', copy)),
    sample: async (server) => {
      await server.client.send({ method: 'POST', path: '/1.0/instances/kept/files?path=/root/newer', body: String(round++) });
      return await timed(async () => await server.client.change('POST', '/1.0/instances', { ...copy, source: { ...copy.source, refresh: true } }));
    },
    clean: async (server) => await deleteInstance(server, 'mirror'),
  };
}

export const backups: Bench[] = pools.flatMap((pool) => {
  const [first, ...rest] = [writes(pool, 'gzip', {}), writes(pool, 'uncompressed', { compression_algorithm: 'none' })];
  const optimized = pool === 'fast' ? [writes(pool, 'optimized', { optimized_storage: true, compression_algorithm: 'none' }), imports(pool, 'optimized', { optimized_storage: true, compression_algorithm: 'none' })] : [];
  return [{ ...first!, prepare: (server: TestServer) => prepare(server, pool) }, ...rest, imports(pool, 'gzip', {}), ...optimized, refreshes(pool), copies(pool)];
});
