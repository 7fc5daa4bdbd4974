import { importBusybox, setProfile, subnet } from './defaults.js';
import type { TestServer } from '../servers/server.js';

interface Named {
  name: string;
}

/** Brings a server back to its defaults after a script, through its API only; throws when something cannot be removed. */
export async function reset(server: TestServer): Promise<void> {
  const { client } = server;
  await client.change('PUT', '/1.0', { config: {} });
  const projects = await client.get<Named[]>('/1.0/projects?recursion=1');
  for (const { name } of projects.sort((a) => (a.name === 'default' ? 1 : -1))) await emptyProject(server, name);
  for (const pool of await client.get<Named[]>('/1.0/storage-pools?recursion=1')) {
    for (const volume of await client.get<(Named & { type: string })[]>(`/1.0/storage-pools/${pool.name}/volumes?recursion=1`)) {
      if (volume.type === 'custom' && !volume.name.includes('/')) await client.change('DELETE', `/1.0/storage-pools/${pool.name}/volumes/custom/${encodeURIComponent(volume.name)}`);
    }
    if (pool.name !== 'default') await client.change('DELETE', `/1.0/storage-pools/${pool.name}`);
  }
  for (const network of await client.get<(Named & { managed: boolean })[]>('/1.0/networks?recursion=1')) {
    if (network.managed && network.name !== 'lxdbr0') await client.change('DELETE', `/1.0/networks/${network.name}`);
  }
  for (const certificate of await client.get<{ fingerprint: string }[]>('/1.0/certificates?recursion=1')) await client.change('DELETE', `/1.0/certificates/${certificate.fingerprint}`);
  await client.change('PUT', '/1.0/networks/lxdbr0', { config: { 'ipv4.address': subnet, 'ipv4.nat': 'true', 'ipv6.address': 'none' }, description: '' });
  const pool = await client.get<{ config: Record<string, string> }>('/1.0/storage-pools/default');
  await client.change('PUT', '/1.0/storage-pools/default', { config: { source: pool.config['source'] }, description: '' });
  await importBusybox(server);
  const left = await client.get<string[]>('/1.0/instances');
  if (left.length > 0) throw new Error(`instances remain: ${left.join(', ')}`);
}

async function emptyProject(server: TestServer, project: string): Promise<void> {
  const { client } = server;
  const query = `project=${encodeURIComponent(project)}`;
  for (const instance of await client.get<(Named & { status: string })[]>(`/1.0/instances?recursion=1&${query}`)) {
    const path = `/1.0/instances/${instance.name}`;
    if (instance.status !== 'Stopped') await client.change('PUT', `${path}/state?${query}`, { action: 'stop', force: true, timeout: 10 });
    await client.change('DELETE', `${path}?${query}`);
  }
  if (project === 'default') await setProfile(server);
  for (const image of await client.get<{ fingerprint: string }[]>(`/1.0/images?recursion=1&${query}`)) await client.change('DELETE', `/1.0/images/${image.fingerprint}?${query}`);
  for (const profile of await client.get<Named[]>(`/1.0/profiles?recursion=1&${query}`)) {
    if (profile.name !== 'default') await client.change('DELETE', `/1.0/profiles/${profile.name}?${query}`);
  }
  if (project !== 'default') await client.change('DELETE', `/1.0/projects/${project}`);
}
