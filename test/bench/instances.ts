import type { TestServer } from '../servers/server.js';

export async function createEmpty(server: TestServer, name: string, target = ''): Promise<void> {
  await server.client.change('POST', target === '' ? '/1.0/instances' : `/1.0/instances?target=${target}`, { name, source: { type: 'none' } });
}

export async function createFromImage(server: TestServer, name: string, pool = 'default'): Promise<void> {
  await server.client.change('POST', '/1.0/instances', {
    name,
    source: { type: 'image', alias: 'busybox' },
    devices: { root: { type: 'disk', path: '/', pool } },
  });
}

export async function setState(server: TestServer, name: string, action: 'start' | 'stop'): Promise<void> {
  await server.client.change('PUT', `/1.0/instances/${name}/state`, { action, force: action === 'stop', timeout: 30 });
}

export async function deleteInstance(server: TestServer, name: string): Promise<void> {
  await server.client.change('DELETE', `/1.0/instances/${name}`);
}

export async function stopAndDelete(server: TestServer, name: string): Promise<void> {
  await setState(server, name, 'stop');
  await deleteInstance(server, name);
}
