// What a first start makes: a pool, a network, a profile that uses both, an image that needs no internet.
import { existsSync, readFileSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { api } from './api.mjs';
import { freeBridgeName, freeSubnet } from './free-subnet.mjs';
import { phase } from './progress.mjs';
import { root } from './setup.mjs';

const gib = 2 ** 30;

/** Runs until it has succeeded once for a state directory; repeating it makes only what is missing. */
export async function firstStart(stateDir) {
  const done = join(stateDir, 'first-start-done');
  if (existsSync(done)) return;
  const pool = await ensurePool(stateDir);
  const network = await ensureNetwork(stateDir);
  await ensureDevices(stateDir, pool, network);
  await ensureImage(stateDir);
  writeFileSync(done, '');
}

async function ensurePool(stateDir) {
  const pools = await api(stateDir, 'GET', '/1.0/storage-pools');
  if (pools.length > 0) return decodeURIComponent(pools[0].split('/').at(-1));
  await phase('storage pool "default"', async () => {
    const free = statfsSync(stateDir);
    const size = Math.min(30 * gib, Math.max(5 * gib, Math.floor((free.bavail * free.bsize) / 5)));
    const btrfs = { name: 'default', driver: 'btrfs', config: { size: `${Math.floor(size / gib)}GiB` } };
    const roomy = free.bavail * free.bsize > size;
    await (roomy ? api(stateDir, 'POST', '/1.0/storage-pools', btrfs) : Promise.reject(new Error('too little space'))).catch(() =>
      api(stateDir, 'POST', '/1.0/storage-pools', { name: 'default', driver: 'dir' }),
    );
  });
  return 'default';
}

async function ensureNetwork(stateDir) {
  const managed = (await api(stateDir, 'GET', '/1.0/networks?recursion=1')).filter((network) => network.managed);
  if (managed.length > 0) return managed[0].name;
  const name = freeBridgeName();
  const address = freeSubnet();
  await phase(`network "${name}", ${address}`, () =>
    api(stateDir, 'POST', '/1.0/networks', { name, type: 'bridge', config: { 'ipv4.address': address, 'ipv4.nat': 'true', 'ipv6.address': 'none' } }),
  );
  return name;
}

async function ensureDevices(stateDir, pool, network) {
  const profile = await api(stateDir, 'GET', '/1.0/profiles/default');
  if (Object.keys(profile.devices).length > 0) return;
  await phase('profile "default"', () =>
    api(stateDir, 'PATCH', '/1.0/profiles/default', { devices: { root: { type: 'disk', path: '/', pool }, eth0: { type: 'nic', name: 'eth0', network } } }),
  );
}

async function ensureImage(stateDir) {
  const aliases = await api(stateDir, 'GET', '/1.0/images/aliases');
  if (aliases.includes('/1.0/images/aliases/busybox')) return;
  await phase('image "busybox"', async () => {
    const { busyboxImage } = await import(join(root, 'services/images/dist/busybox/busybox-image.js'));
    const { machineArchitecture } = await import(join(root, 'services/node-agent/dist/resources/cpu.js'));
    const image = await busyboxImage(readFileSync('/bin/busybox'), { architecture: machineArchitecture() });
    const { fingerprint } = await api(stateDir, 'POST', '/1.0/images', image, { 'content-type': 'application/octet-stream', 'x-lxd-filename': 'busybox.tar.gz' });
    await api(stateDir, 'POST', '/1.0/images/aliases', { name: 'busybox', description: 'A small container with the tools of busybox', target: fingerprint });
  });
}
