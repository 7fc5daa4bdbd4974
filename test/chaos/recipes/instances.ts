import type { UnixClient } from '../../http/client.js';
import { json, names, there, upload, type Kitchen, type Recipe } from './recipe.js';

const image = { type: 'image', alias: 'busybox' };
const inLoop = { root: { type: 'disk', path: '/', pool: 'loop' } };
const path = (name: string): string => `/1.0/instances/${name}`;

async function create({ client }: Kitchen, name: string, body: object = {}): Promise<void> {
  await client.change('POST', '/1.0/instances', { name, source: image, ...body });
}

async function running(kitchen: Kitchen, name: string, body: object = {}): Promise<void> {
  await create(kitchen, name, body);
  await kitchen.client.change('PUT', `${path(name)}/state`, { action: 'start', timeout: 30 });
}

async function snapshot({ client }: Kitchen, name: string, snapshotName: string): Promise<void> {
  await client.change('POST', `${path(name)}/snapshots`, { name: snapshotName });
}

async function remove(client: UnixClient, name: string, query = ''): Promise<void> {
  const { http, metadata } = await client.json<{ status: string; ephemeral: boolean }>('GET', path(name) + query);
  if (http !== 200) return;
  if (metadata.status !== 'Stopped') await client.change('PUT', `${path(name)}/state${query}`, { action: 'stop', force: true, timeout: 30 });
  if (!metadata.ephemeral) await client.change('DELETE', path(name) + query);
}

/** Of every instance whose name begins so. */
async function clean({ client }: Kitchen, name: string): Promise<void> {
  for (const url of await client.get<string[]>('/1.0/instances')) if (url.startsWith(path(name))) await remove(client, url.split('/').at(-1)!);
}

async function status({ client }: Kitchen, name: string): Promise<string> {
  const { http, metadata } = await client.json<{ status: string }>('GET', path(name));
  return http === 200 ? metadata.status : 'gone';
}

const state = (action: string, force = false) => (name: string) => json('PUT', `${path(name)}/state`, { action, force, timeout: 30 });
const exists = ({ client }: Kitchen, name: string): Promise<string> => there(client, { it: path(name), other: path(`${name}-b`) });
const snapshots = ({ client }: Kitchen, name: string): Promise<string> => names(client, `${path(name)}/snapshots`);
const backups = ({ client }: Kitchen, name: string): Promise<string> => names(client, `${path(name)}/backups`);

const withSnapshot = async (kitchen: Kitchen, name: string): Promise<void> => {
  await create(kitchen, name);
  await snapshot(kitchen, name, 's0');
};
const withBackup = async (kitchen: Kitchen, name: string): Promise<void> => {
  await create(kitchen, name);
  await kitchen.client.change('POST', `${path(name)}/backups`, { name: 'b0' });
};

/** A copy with a snapshot of its own, of an instance that has another one since. */
async function outdated(kitchen: Kitchen, name: string): Promise<void> {
  await create(kitchen, `${name}-b`);
  await kitchen.client.change('POST', '/1.0/instances', { name, profiles: ['default'], source: { type: 'copy', source: `${name}-b` } });
  await snapshot(kitchen, name, 'own');
  await snapshot(kitchen, `${name}-b`, 'new');
}

/** A file that was put there after the snapshot. */
const later = (name: string): string => `${path(name)}/files?path=/root/later`;
async function changedSince(kitchen: Kitchen, name: string): Promise<void> {
  await snapshot(kitchen, name, 's0');
  await kitchen.client.send(upload(later(name), Buffer.from('later'), { 'X-LXD-type': 'file' }));
}
async function restored(kitchen: Kitchen, name: string): Promise<string> {
  return `${(await kitchen.client.send({ path: later(name) })).status === 200 ? 'changed' : 'as it was'}, ${await status(kitchen, name)}`;
}

async function twoRunning({ client }: Kitchen, name: string): Promise<void> {
  await client.change('POST', '/1.0/projects', { name, config: { 'features.images': 'false', 'features.profiles': 'false' } });
  for (const one of ['one', 'two']) {
    await client.change('POST', `/1.0/instances?project=${name}`, { name: one, source: image });
    await client.change('PUT', `${path(one)}/state?project=${name}`, { action: 'start' });
  }
}

async function configured({ client }: Kitchen, name: string): Promise<string> {
  const { config, devices } = await client.get<{ config: Record<string, string>; devices: Record<string, Record<string, string>> }>(path(name));
  return `${config['user.mark'] ?? ''} ${config['limits.memory'] ?? ''} ${devices['root']?.['size'] ?? ''}`.trim();
}

export const instanceRecipes: Record<string, Recipe[]> = {
  'instance.create': [
    { request: (name) => json('POST', '/1.0/instances', { name, source: image }), look: exists, done: 'it', clean },
    { request: (name, { archives }) => upload('/1.0/instances', archives.instance, { 'X-LXD-name': name }), look: exists, done: 'it', clean },
    {
      prepare: withSnapshot,
      request: (name) => json('POST', '/1.0/instances', { name: `${name}-b`, profiles: ['default'], source: { type: 'copy', source: name } }),
      look: (kitchen, name) => snapshots(kitchen, `${name}-b`),
      done: 's0',
      clean,
    },
  ],
  'instance.delete': [{ prepare: withSnapshot, request: (name) => json('DELETE', path(name)), look: exists, done: 'nothing', clean }],
  'instance.start': [{ prepare: create, request: state('start'), look: status, done: 'Running', clean }],
  'instance.stop': [
    { prepare: running, request: state('stop', true), look: status, done: 'Stopped', clean },
    { prepare: (kitchen, name) => running(kitchen, name, { ephemeral: true }), request: state('stop', true), look: status, done: 'gone', halfway: ['gone', 'Stopped'], clean },
  ],
  'instance.restart': [
    {
      prepare: running,
      request: state('restart', true),
      look: status,
      done: 'Running',
      halfway: ['Stopped'],
      clean,
    },
  ],
  'instance.freeze': [{ prepare: running, request: state('freeze'), look: status, done: 'Frozen', clean }],
  'instance.rename': [{ prepare: withSnapshot, request: (name) => json('POST', path(name), { name: `${name}-b` }), look: exists, done: 'other', clean }],
  'instance.move': [
    {
      prepare: withSnapshot,
      request: (name) => json('POST', path(name), { name, pool: 'loop', migration: true }),
      look: async ({ client }, name) => (await client.get<{ expanded_devices: Record<string, { pool?: string }> }>(path(name))).expanded_devices['root']?.pool ?? '',
      done: 'loop',
      clean,
    },
  ],
  'instance.update': [
    {
      prepare: (kitchen, name) => running(kitchen, name, { devices: inLoop }),
      request: (name) => json('PATCH', path(name), { config: { 'user.mark': 'new', 'limits.memory': '64MiB' }, devices: { root: { ...inLoop.root, size: '50MiB' } } }),
      look: configured,
      done: 'new 64MiB 50MiB',
      answersAtOnce: true,
      clean,
    },
  ],
  'instance.snapshot': [
    { prepare: running, request: (name) => json('POST', `${path(name)}/snapshots`, { name: 's0' }), look: snapshots, done: 's0', clean },
    { prepare: (kitchen, name) => running(kitchen, name, { devices: inLoop }), request: (name) => json('POST', `${path(name)}/snapshots`, { name: 's0' }), look: snapshots, done: 's0', clean },
  ],
  'snapshot.delete': [{ prepare: withSnapshot, request: (name) => json('DELETE', `${path(name)}/snapshots/s0`), look: snapshots, done: 'none', clean }],
  'snapshot.rename': [{ prepare: withSnapshot, request: (name) => json('POST', `${path(name)}/snapshots/s0`, { name: 's1' }), look: snapshots, done: 's1', clean }],
  'snapshot.update': [
    {
      prepare: withSnapshot,
      request: (name) => json('PUT', `${path(name)}/snapshots/s0`, { expires_at: '2099-01-01T00:00:00Z' }),
      look: async ({ client }, name) => (await client.get<{ expires_at: string }>(`${path(name)}/snapshots/s0`)).expires_at,
      done: '2099-01-01T00:00:00.000000Z',
      clean,
    },
  ],
  'instance.restore': [
    {
      prepare: async (kitchen, name) => {
        await create(kitchen, name);
        await changedSince(kitchen, name);
      },
      request: (name) => json('PUT', path(name), { restore: 's0' }),
      look: restored,
      done: 'as it was, Stopped',
      clean,
    },
    {
      prepare: async (kitchen, name) => {
        await running(kitchen, name);
        await changedSince(kitchen, name);
      },
      request: (name) => json('PUT', path(name), { restore: 's0' }),
      look: restored,
      done: 'as it was, Running',
      halfway: ['changed, Stopped', 'as it was, Stopped'],
      clean,
    },
  ],
  'instance.refresh': [
    {
      prepare: outdated,
      request: (name) => json('POST', '/1.0/instances', { name, profiles: ['default'], source: { type: 'copy', source: `${name}-b`, refresh: true } }),
      look: snapshots,
      done: 'new',
      halfway: ['none'],
      clean,
    },
  ],
  'instance.backup': [{ prepare: create, request: (name) => json('POST', `${path(name)}/backups`, { name: 'b0' }), look: backups, done: 'b0', clean }],
  'instance.backup-delete': [{ prepare: withBackup, request: (name) => json('DELETE', `${path(name)}/backups/b0`), look: backups, done: 'none', clean }],
  'instance.backup-rename': [{ prepare: withBackup, request: (name) => json('POST', `${path(name)}/backups/b0`, { name: 'b1' }), look: backups, done: 'b1', clean }],
  'instances.power': [
    {
      prepare: twoRunning,
      request: (name) => json('PUT', `/1.0/instances?project=${name}`, { state: { action: 'stop', force: true, timeout: 30 } }),
      look: async ({ client }, name) => (await client.get<{ status: string }[]>(`/1.0/instances?project=${name}&recursion=1`)).map((one) => one.status).join(' '),
      done: 'Stopped Stopped',
      clean: async ({ client }, name) => {
        for (const one of ['one', 'two']) await remove(client, one, `?project=${name}`);
        await client.change('DELETE', `/1.0/projects/${name}`);
      },
    },
  ],
  session: [
    {
      prepare: running,
      request: (name) => json('POST', `${path(name)}/exec`, { command: ['sh', '-c', 'sleep 0.2; touch /root/later'], 'wait-for-websocket': false, interactive: false }),
      look: async ({ client }, name) => ((await client.send({ path: later(name) })).status === 200 ? 'ran' : 'not run'),
      done: 'ran',
      mayFail: true,
      clean,
    },
  ],
};
