import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Operation, RawRequest } from '../http/client.js';
import { TestServer } from '../servers/server.js';
import { disagreements } from './agreement.js';
import { fill, makeRoom, onSmallDisk } from './faults.js';
import { openKitchen } from './kitchen.js';
import { json, names, send, upload, type Kitchen } from './recipes/recipe.js';

const noRoom = /[Nn]o space left|out of disk space|quota exceeded/;

let server: TestServer;
let kitchen: Kitchen;
beforeAll(async () => {
  server = await TestServer.start(onSmallDisk(512, { database: false }));
  kitchen = await openKitchen(server);
});
afterAll(() => server?.remove());

/** How a request ended: the error of its operation, or of the answer; '' when it was done. */
async function outcome(request: RawRequest): Promise<string> {
  const answer = await send(server.client, { ...request, headers: { ...request.headers, 'Idempotency-Key': randomUUID() } });
  if (!answer.operation) return answer.error;
  const { metadata } = await server.client.json<Operation>('GET', `${answer.operation}/wait?timeout=60`);
  return metadata.err;
}

const volumes = '/1.0/storage-pools/default/volumes/custom';

/** Everything that needs room, and what there is of it. */
const needy: [what: string, request: (kitchen: Kitchen, name: string) => Promise<RawRequest> | RawRequest, there: (name: string) => Promise<string>][] = [
  ['an instance', (_, name) => json('POST', '/1.0/instances', { name, source: { type: 'image', alias: 'busybox' } }), () => names(server.client, '/1.0/instances')],
  ['a copy', (_, name) => json('POST', '/1.0/instances', { name, profiles: ['default'], source: { type: 'copy', source: 'origin' } }), () => names(server.client, '/1.0/instances')],
  ['a snapshot', (_, name) => json('POST', '/1.0/instances/origin/snapshots', { name }), () => names(server.client, '/1.0/instances/origin/snapshots')],
  ['a backup', (_, name) => json('POST', '/1.0/instances/origin/backups', { name, compression_algorithm: 'none' }), () => names(server.client, '/1.0/instances/origin/backups')],
  ['an imported instance', ({ archives }, name) => upload('/1.0/instances', archives.instance, { 'X-LXD-name': name }), () => names(server.client, '/1.0/instances')],
  ['an image', async ({ newImage }) => upload('/1.0/images', await newImage()), () => names(server.client, '/1.0/images')],
  ['an image of an instance', () => json('POST', '/1.0/images', { source: { type: 'instance', name: 'origin' }, compression_algorithm: 'none' }), () => names(server.client, '/1.0/images')],
  ['a snapshot of a volume', (_, name) => json('POST', `${volumes}/data/snapshots`, { name }), () => names(server.client, `${volumes}/data/snapshots`)],
  ['a backup of a volume', (_, name) => json('POST', `${volumes}/data/backups`, { name, compression_algorithm: 'none' }), () => names(server.client, `${volumes}/data/backups`)],
];

describe('a state directory without room', () => {
  beforeAll(async () => {
    await server.client.change('POST', '/1.0/instances', { name: 'origin', source: { type: 'image', alias: 'busybox' } });
    await server.client.change('POST', volumes, { name: 'data' });
    await server.shell(`head -c 3000000 /dev/urandom > "$LXD_DIR/storage-pools/default/custom/default_data/bytes"`);
  });

  it.each(needy)('refuses %s in clear words, keeps nothing of it, and makes it once there is room', async (_, request, there) => {
    const before = await there('x');
    const wanted = await request(kitchen, 'x');
    await fill(server, server.stateDirectory, 700);
    expect(await outcome(wanted)).toMatch(noRoom);
    expect(await there('x')).toBe(before);
    expect((await server.client.json('GET', '/1.0/instances/origin')).http).toBe(200);
    await makeRoom(server, server.stateDirectory);
    expect(await disagreements(server)).toEqual([]);
    expect(await outcome(wanted)).toBe('');
    expect(await there('x')).not.toBe(before);
    expect(await disagreements(server)).toEqual([]);
    await clean();
  });

  it('still deletes what there is', async () => {
    await server.client.change('POST', '/1.0/instances', { name: 'runs', source: { type: 'image', alias: 'busybox' } });
    await fill(server, server.stateDirectory, 0);
    // A start may need a little room; a delete never does.
    await outcome(json('PUT', '/1.0/instances/runs/state', { action: 'start' }));
    await outcome(json('PUT', '/1.0/instances/runs/state', { action: 'stop', force: true }));
    expect(await outcome(json('DELETE', '/1.0/instances/runs'))).toBe('');
    await makeRoom(server, server.stateDirectory);
    expect(await disagreements(server)).toEqual([]);
  });
});

describe('a pool without room', () => {
  it('refuses an instance and a copy of a volume, and makes them once there is room', async () => {
    await server.client.change('POST', '/1.0/storage-pools', { name: 'tight', driver: 'btrfs', config: { size: '128MiB' } });
    const pool = join(server.stateDirectory, 'storage-pools', 'tight');
    const wanted = json('POST', '/1.0/instances', { name: 'p1', source: { type: 'image', alias: 'busybox' }, devices: { root: { type: 'disk', path: '/', pool: 'tight' } } });
    const copy = json('POST', '/1.0/storage-pools/tight/volumes/custom', { name: 'data', source: { name: 'data', pool: 'default' } });
    await fill(server, pool, 0);
    expect(await outcome(wanted)).toMatch(noRoom);
    expect(await outcome(copy)).toMatch(noRoom);
    await makeRoom(server, pool);
    expect(await disagreements(server)).toEqual([]);
    expect(await outcome(wanted)).toBe('');
    expect(await outcome(copy)).toBe('');
    expect(await disagreements(server)).toEqual([]);
  });
});

async function clean(): Promise<void> {
  for (const path of ['/1.0/instances/x', '/1.0/instances/origin/snapshots/x', '/1.0/instances/origin/backups/x', `${volumes}/data/snapshots/x`, `${volumes}/data/backups/x`]) {
    if ((await server.client.json('GET', path)).http === 200) await server.client.change('DELETE', path);
  }
}
