import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Switch } from '../servers/switch.js';
import { beginCluster, eventually, join, type Member } from './members.js';

let lan: Switch;
const members: Member[] = [];
const [m1, m2] = [(): Member => members[0]!, (): Member => members[1]!];

beforeAll(async () => {
  lan = await Switch.start();
  members.push(await beginCluster(lan, 'm1', { before: async ({ lxc }) => void (await lxc('launch busybox c0')) }));
});
afterAll(async () => {
  for (const { server } of members) await server.remove();
  await lan?.stop();
});

describe('a cluster', () => {
  it('begins with one member', async () => {
    expect(await m1().lxc('cluster list --format csv')).toContain(`m1,https://${m1().address}:8443,database,x86_64,default,,ONLINE,Fully operational`);
  });

  it('has what its first member had', async () => {
    expect(await m1().lxc('list --format csv -c nsL')).toBe('c0,RUNNING,m1\n');
    expect(await m1().lxc('storage show default')).toContain('- m1');
    await m1().lxc('delete -f c0');
  });

  it('takes in a host that joins with one command', async () => {
    members.push(await join(lan, m1(), 'm2'));
    for (const member of members) expect(await member.lxc('cluster list --format csv')).toContain(`m2,https://${m2().address}:8443,,x86_64,default,,ONLINE,Fully operational`);
  });

  it('launches where it is told to, and each member shows it', async () => {
    await m1().lxc('launch busybox c1 --target m2');
    for (const member of members) expect(await member.lxc('list --format csv -c nsL')).toBe('c1,RUNNING,m2\n');
    expect((await m1().lxc('exec c1 -- hostname')).trim()).toBe('c1');
    expect((await m2().lxc('exec c1 -- hostname')).trim()).toBe('c1');
  });

  it('follows a member to its new name', async () => {
    await m1().lxc('cluster rename m2 second');
    await eventually('the instance names its member', async () => (await m2().lxc('list --format csv -c nsL')) === 'c1,RUNNING,second\n');
    expect((await m1().lxc('exec c1 -- hostname')).trim()).toBe('c1');
    expect(await m2().lxc('info')).toContain('server_name: second');
    expect(await m1().lxc('info --target second')).toContain(`- ${m2().address}:8443`);
    await m1().lxc('cluster rename second m2');
  });

  it('copies and moves instances with their snapshots to other members', async () => {
    await m1().lxc('exec c1 -- sh -c "echo before > /root/kept"');
    await m1().lxc('snapshot c1 s0');
    await m1().lxc('exec c1 -- sh -c "echo after > /root/kept"');
    await m1().lxc('stop -f c1');
    await m1().lxc('copy c1 c2 --target m1');
    await m1().lxc('copy c1/s0 c3 --target m1');
    await m1().lxc('start c1');
    await m1().lxc('exec c1 -- sh -c "echo later > /root/kept"');
    await m1().lxc('stop -f c1');
    await m1().lxc('snapshot c1 s1');
    await m1().lxc('copy c1 c2 --refresh');
    expect(await m1().lxc('list --format csv -c nSL')).toBe('c1,2,m2\nc2,2,m1\nc3,0,m1\n');
    await m2().lxc('move c1 --target m1');
    expect(await m1().lxc('list --format csv -c nSL')).toBe('c1,2,m1\nc2,2,m1\nc3,0,m1\n');
    await m1().lxc('start c1 c2 c3');
    const kept = async (name: string): Promise<string> => (await m2().lxc(`exec ${name} -- cat /root/kept`)).trim();
    expect([await kept('c1'), await kept('c2'), await kept('c3')]).toEqual(['later', 'later', 'before']);
    await m1().lxc('restore c2 s0');
    expect(await kept('c2')).toBe('before');
    await m1().lxc('restore c1 s0');
    expect(await kept('c1')).toBe('before');
    await m1().lxc('delete -f c1 c2 c3');
  });

  it('empties a member and gives it its instances back', async () => {
    const listed = async (): Promise<string[]> => (await m1().lxc('list --format csv -c nsL')).trim().split('\n').sort();
    await m1().lxc('launch busybox r1 --target m2 -c boot.host_shutdown_timeout=5');
    await m1().lxc('init busybox r2 --target m2');
    await m1().lxc('snapshot r2 s0');
    await m1().lxc('launch busybox r3 --target m2 -c cluster.evacuate=stop -c boot.host_shutdown_timeout=5');
    await expect(m1().lxc('cluster restore m2 --force')).rejects.toThrow('Cluster member is already restored');
    await m1().lxc('cluster evacuate m2 --force');
    expect(await m2().lxc('cluster list --format csv')).toContain('EVACUATED,Unavailable due to maintenance');
    expect(await listed()).toEqual(['r1,RUNNING,m1', 'r2,STOPPED,m1', 'r3,STOPPED,m2']);
    expect((await m1().lxc('config get r1 volatile.evacuate.origin')).trim()).toBe('m2');
    await expect(m1().lxc('cluster evacuate m2 --force')).rejects.toThrow('Cluster member is already evacuated');
    for (const line of ['init busybox r4 --target m2', 'start r3', 'move r2 --target m2']) await expect(m1().lxc(line)).rejects.toThrow('Cluster member is evacuated');
    await m1().lxc('init busybox r4');
    await m1().lxc('cluster restore m2 --force');
    expect(await listed()).toEqual(['r1,RUNNING,m2', 'r2,STOPPED,m2', 'r3,RUNNING,m2', 'r4,STOPPED,m1']);
    expect((await m1().lxc('config get r1 volatile.evacuate.origin')).trim()).toBe('');
    expect(await m1().lxc('cluster list --format csv')).not.toContain('EVACUATED');
    await m1().lxc('delete -f r1 r2 r3 r4');
  });

  it('sends instances to groups of members', async () => {
    await m1().lxc('cluster group create big');
    await m1().lxc('cluster group assign m2 default,big');
    await m1().lxc('init busybox g1 --target @big');
    await expect(m1().lxc('init busybox g2 --target @nope')).rejects.toThrow('Cluster group "nope" doesn\'t exist');
    await m1().lxc('cluster set m2 scheduler.instance manual');
    await expect(m1().lxc('init busybox g2 --target @big')).rejects.toThrow('No suitable cluster member could be found');
    for (const name of ['g2', 'g3']) await m1().lxc(`init busybox ${name}`);
    expect(await m1().lxc('list --format csv -c nL')).toBe('g1,m2\ng2,m1\ng3,m1\n');
    await m1().lxc('cluster unset m2 scheduler.instance');
    await expect(m1().lxc('cluster group delete big')).rejects.toThrow('Only empty cluster groups can be removed');
    await m1().lxc('cluster group assign m2 default');
    await m1().lxc('cluster group delete big');
    await m1().lxc('delete g1 g2 g3');
  });

  it('makes pools, networks and volumes member by member', async () => {
    await expect(m1().lxc('storage create extra dir')).rejects.toThrow('Pool not pending on any node (use --target <node> first)');
    await m1().lxc('storage create extra dir --target m1');
    await expect(m1().lxc('storage create extra dir')).rejects.toThrow('Pool not defined on nodes: m2');
    await m1().lxc('storage create extra dir --target m2');
    expect(await m1().lxc('storage list --format csv')).toContain('extra,dir,,0,PENDING');
    await m1().lxc('storage create extra dir user.note=all');
    expect(await m1().lxc('storage list --format csv')).toContain('extra,dir,,0,CREATED');
    expect(await m1().lxc('storage show extra --target m2')).toContain(`source: ${m2().server.stateDirectory}`);
    await m1().lxc('storage volume create extra v1 --target m2');
    expect(await m2().lxc('storage volume show extra v1')).toContain('location: m2');
    const files = 'storage-pools/extra/custom';
    await m2().server.shell(`echo kept > $LXD_DIR/${files}/default_v1/file`);
    await m1().lxc('storage volume snapshot extra v1 s0 --target m2');
    await m1().server.client.change('POST', '/1.0/storage-pools/extra/volumes/custom?target=m1', { name: 'v2', source: { type: 'copy', pool: 'extra', name: 'v1' } });
    expect((await m1().server.shell(`cat $LXD_DIR/${files}/default_v2/file $LXD_DIR/${files}-snapshots/default_v2/s0/file`)).stdout).toBe('kept\nkept\n');
    await m1().lxc('init busybox c1 --target m2');
    await m1().lxc('config device add c1 data disk pool=extra source=v1 path=/data');
    await expect(m1().lxc('move c1 --target m1')).rejects.toThrow('Failed add validation for device "data": Failed loading custom volume: Storage volume not found');
    await m1().lxc('delete c1');
    await m1().lxc('storage volume delete extra v2');
    await m1().lxc('network create br9 --target m1');
    await m1().lxc('network create br9 --target m2');
    await m1().lxc('network create br9 ipv4.address=10.211.77.1/24 ipv6.address=none');
    expect((await m2().server.shell('ip -4 -br address show br9')).stdout).toContain('10.211.77.1/24');
    await m1().lxc('network delete br9');
    await m1().lxc('storage volume delete extra v1');
    await m1().lxc('storage delete extra');
  });

  it('gives up a member that is empty, which is then a server of its own', async () => {
    await m1().lxc('launch busybox c9 --target m2');
    await expect(m1().lxc('cluster remove m2')).rejects.toThrow('Node still has the following containers: c9');
    await m1().lxc('config set cluster.images_minimal_replica 1');
    await m1().lxc('stop -f c9');
    await m1().lxc('publish c9 --alias only');
    await m1().lxc('delete c9');
    await expect(m1().lxc('cluster remove m2')).rejects.toThrow('Node still has the following images: ');
    await m1().lxc('config unset cluster.images_minimal_replica');
    await m1().lxc('cluster remove m2');
    await m1().lxc('init only c9');
    expect(await m1().lxc('cluster list --format csv')).not.toContain('m2');
    await eventually('m2 is a server of its own', async () => (await m2().server.shell('lxc query /1.0/cluster')).stdout.includes('"enabled": false'));
  });
});
