import { existsSync } from 'node:fs';
import { join as path } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch } from '../api/scenario.js';
import { Switch } from '../servers/switch.js';
import { beginCluster, eventually, join, joinByPassword, type Member } from './members.js';

let lan: Switch;
const members: Member[] = [];
const first = (): Member => members[0]!;
const named = (name: string): Member => members.findLast((member) => member.name === name)!;

async function statuses(): Promise<Record<string, string>> {
  const listed = await first().server.client.json<{ server_name: string; status: string }[]>('GET', '/1.0/cluster/members?recursion=1');
  return Object.fromEntries(listed.metadata.map(({ server_name, status }) => [server_name, status]));
}

async function instances(): Promise<{ name: string; location: string; status: string }[]> {
  return (await first().server.client.json<{ name: string; location: string; status: string }[]>('GET', '/1.0/instances?recursion=1')).metadata;
}

beforeAll(async () => {
  lan = await Switch.start();
  members.push(await beginCluster(lan, 'm1'));
  await first().server.client.change('PATCH', '/1.0', { config: { 'cluster.offline_threshold': '11' } });
  members.push(await join(lan, first(), 'm2'));
  await first().lxc('config set core.trust_password sesame');
  await expect(joinByPassword(lan, first(), 'm3', 'open')).rejects.toThrow('Failed to setup cluster trust: not authorized');
  members.push(await joinByPassword(lan, first(), 'm3', 'sesame'));
}, 300_000);
afterAll(async () => {
  for (const { server } of members) await server.remove();
  await lan?.stop();
});

describe('a cluster of three', () => {
  it('has every image on as many members as it should', async () => {
    const { metadata } = await first().server.client.json<string[]>('GET', '/1.0/images');
    const fingerprint = metadata[0]!.split('/').at(-1)!;
    const all = eventually('each member has the image', async () => members.every(({ server }) => existsSync(path(server.stateDirectory, 'images', fingerprint))));
    await expect(all).resolves.toBeUndefined();
  });

  it('spreads twenty launches at once', { timeout: 180_000 }, async () => {
    const names = Array.from({ length: 20 }, (_, index) => `x${index}`);
    await Promise.all(names.map((name) => launch(first().server.client, name)));
    const counts = Map.groupBy(await instances(), ({ location }) => location);
    expect([...counts.values()].map((each) => each.length).sort()).toEqual([6, 7, 7]);
    expect((await instances()).every(({ status }) => status === 'Running')).toBe(true);
    for (const name of names.slice(6)) await first().lxc(`delete -f ${name}`);
    await first().lxc('launch busybox y2 --target m2');
    await first().lxc('launch busybox y3 --target m3');
  });

  it('gives addresses on every member and says where', async () => {
    const leased = eventually('leases of all three', async () => {
      const { metadata } = await first().server.client.json<{ hostname: string; location: string; type: string }[]>('GET', '/1.0/networks/lxdbr0/leases');
      return ['m1', 'm2', 'm3'].every((member) => metadata.some(({ location, type }) => location === member && type === 'dynamic'));
    });
    await expect(leased).resolves.toBeUndefined();
  });

  it('keeps instances of a killed agent running, and finds them again', { timeout: 120_000 }, async () => {
    const m3 = named('m3');
    const pid = (await first().server.client.json<{ pid: number }>('GET', '/1.0/instances/y3/state')).metadata.pid;
    await m3.server.crash();
    await m3.server.launch();
    await eventually('m3 answers', async () => (await first().server.shell('lxc exec y3 -- true')).code === 0);
    expect((await first().server.client.json<{ pid: number }>('GET', '/1.0/instances/y3/state')).metadata.pid).toBe(pid);
  });

  it('notices a member that is cut off, works without it, and takes it back', { timeout: 240_000 }, async () => {
    const m2 = named('m2');
    await lan.plug(m2.address, 'down');
    await eventually('m2 is offline', async () => (await statuses())['m2'] === 'Offline');
    await eventually('nobody knows how y2 is', async () => (await instances()).some(({ name, status }) => name === 'y2' && status === 'Error'));
    expect(await first().lxc('warning list --format csv')).toContain('Offline cluster member');
    for (const name of ['z0', 'z1', 'z2']) await launch(first().server.client, name);
    expect((await instances()).filter(({ name, location }) => name.startsWith('z') && location === 'm2')).toEqual([]);
    await lan.plug(m2.address, 'up');
    await eventually('m2 is online', async () => (await statuses())['m2'] === 'Online');
    await eventually('y2 runs', async () => (await instances()).some(({ name, status }) => name === 'y2' && status === 'Running'));
    await eventually('y2 answers', async () => (await first().server.shell('lxc exec y2 -- true')).code === 0);
  });

  it('gives up a dead member by force, and takes in another by its name', { timeout: 240_000 }, async () => {
    const dead = named('m2');
    await dead.server.remove();
    members.splice(members.indexOf(dead), 1);
    await expect(first().lxc('cluster remove m2')).rejects.toThrow('Node still has the following containers');
    await first().lxc('cluster remove m2 --force --yes');
    await eventually('its instances are gone', async () => (await instances()).every(({ location }) => location !== 'm2'));
    members.push(await join(lan, first(), 'm2'));
    await first().lxc('launch busybox w2 --target m2');
    expect((await first().lxc('exec w2 -- hostname')).trim()).toBe('w2');
  });
});
