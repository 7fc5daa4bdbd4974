import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { busyboxImage, busyboxSplitImage } from '@asterism/images/busybox';
import { hostileImages } from './hostile.js';
import type { TestServer } from '../servers/server.js';

export const subnet = '10.211.9.1/24';

/** What the scripts start from: a dir pool, a bridge, the default profile with both, and the busybox image. */
export async function setDefaults(server: TestServer): Promise<void> {
  const { client } = server;
  await client.change('POST', '/1.0/storage-pools', { name: 'default', driver: 'dir' });
  await client.change('POST', '/1.0/networks', { name: 'lxdbr0', config: { 'ipv4.address': subnet, 'ipv4.nat': 'true', 'ipv6.address': 'none' } });
  await setProfile(server);
  await importBusybox(server);
}

export async function setProfile(server: TestServer): Promise<void> {
  await server.client.change('PUT', '/1.0/profiles/default', {
    config: {},
    description: 'Default LXD profile',
    devices: { root: { type: 'disk', path: '/', pool: 'default' }, eth0: { type: 'nic', name: 'eth0', network: 'lxdbr0' } },
  });
}

export async function importBusybox(server: TestServer): Promise<void> {
  const { client } = server;
  const answer = await client.send({
    method: 'POST',
    path: '/1.0/images',
    headers: { 'Content-Type': 'application/octet-stream', 'X-LXD-filename': 'busybox.tar.gz' },
    body: readFileSync(join(server.work, 'busybox.tar.gz')),
  });
  const operation = await client.wait((JSON.parse(answer.body.toString()) as { operation: string }).operation);
  await client.change('POST', '/1.0/images/aliases', { name: 'busybox', target: operation.metadata?.['fingerprint'] });
}

let images: Promise<Record<string, Buffer>> | undefined;

/** Files that scripts may use, in the work directory of the server. */
export async function writeMaterial(server: TestServer): Promise<void> {
  images ??= buildImages();
  for (const [name, bytes] of Object.entries(await images)) writeFileSync(join(server.work, name), bytes);
  writeFileSync(join(server.work, 'hello'), 'hello\n');
}

async function buildImages(): Promise<Record<string, Buffer>> {
  const busybox = readFileSync('/bin/busybox');
  const split = await busyboxSplitImage(busybox, { description: 'Busybox split' });
  const unified = await busyboxImage(busybox);
  return {
    ...(await hostileImages(unified)),
    'busybox.tar.gz': unified,
    'other.tar.gz': await busyboxImage(busybox, { description: 'Another busybox', templates: true }),
    'metadata.tar.gz': split.metadata,
    'rootfs.tar.gz': split.rootfs,
  };
}
