import { json, names, there, upload, type Kitchen, type Recipe } from './recipe.js';

const path = (name: string, pool = 'default'): string => `/1.0/storage-pools/${pool}/volumes/custom/${name}`;

async function create({ client }: Kitchen, name: string): Promise<void> {
  await client.change('POST', '/1.0/storage-pools/default/volumes/custom', { name });
}

async function withSnapshot(kitchen: Kitchen, name: string): Promise<void> {
  await create(kitchen, name);
  await kitchen.client.change('POST', `${path(name)}/snapshots`, { name: 's0' });
}

async function withBackup(kitchen: Kitchen, name: string): Promise<void> {
  await create(kitchen, name);
  await kitchen.client.change('POST', `${path(name)}/backups`, { name: 'b0' });
}

async function clean({ client }: Kitchen, name: string): Promise<void> {
  for (const one of [path(name), path(`${name}-b`), path(name, 'loop')]) if ((await client.json('GET', one)).http === 200) await client.change('DELETE', one);
}

const exists = ({ client }: Kitchen, name: string): Promise<string> => there(client, { it: path(name), other: path(`${name}-b`), moved: path(name, 'loop') });
const snapshots = ({ client }: Kitchen, name: string): Promise<string> => names(client, `${path(name)}/snapshots`);
const backups = ({ client }: Kitchen, name: string): Promise<string> => names(client, `${path(name)}/backups`);

export const storageRecipes: Record<string, Recipe[]> = {
  'volume.copy': [
    {
      prepare: withSnapshot,
      request: (name) => json('POST', '/1.0/storage-pools/default/volumes/custom', { name: `${name}-b`, source: { type: 'copy', name, pool: 'default' } }),
      look: exists,
      done: 'it other',
      clean,
    },
    { prepare: withSnapshot, request: (name) => json('POST', path(name), { name, pool: 'loop' }), look: exists, done: 'moved', halfway: ['it moved'], clean },
  ],
  'volume.import': [
    { request: (name, { archives }) => upload('/1.0/storage-pools/default/volumes/custom', archives.volume, { 'X-LXD-name': name }), look: exists, done: 'it', clean },
  ],
  'volume-snapshot.create': [{ prepare: create, request: (name) => json('POST', `${path(name)}/snapshots`, { name: 's0' }), look: snapshots, done: 's0', clean }],
  'volume-snapshot.rename': [{ prepare: withSnapshot, request: (name) => json('POST', `${path(name)}/snapshots/s0`, { name: 's1' }), look: snapshots, done: 's1', clean }],
  'volume-snapshot.delete': [{ prepare: withSnapshot, request: (name) => json('DELETE', `${path(name)}/snapshots/s0`), look: snapshots, done: 'none', clean }],
  'volume.backup': [{ prepare: create, request: (name) => json('POST', `${path(name)}/backups`, { name: 'b0' }), look: backups, done: 'b0', clean }],
  'volume.backup-delete': [{ prepare: withBackup, request: (name) => json('DELETE', `${path(name)}/backups/b0`), look: backups, done: 'none', clean }],
  'volume.backup-rename': [{ prepare: withBackup, request: (name) => json('POST', `${path(name)}/backups/b0`, { name: 'b1' }), look: backups, done: 'b1', clean }],
};
