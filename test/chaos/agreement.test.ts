import { describe, expect, it } from 'vitest';
import { launch, scenario } from '../api/scenario.js';
import { disagreements, disagreementsNow } from './agreement.js';

const test = scenario();

/** One of everything that leaves something on the host. */
async function furnish(): Promise<void> {
  const { client } = test;
  await client.change('POST', '/1.0/storage-pools', { name: 'loop', driver: 'btrfs', config: { size: '400MiB' } });
  await launch(client, 'plain');
  await launch(client, 'quick', { devices: { root: { type: 'disk', path: '/', pool: 'loop' } } });
  await client.change('POST', '/1.0/instances/plain/snapshots', { name: 's0' });
  await client.change('POST', '/1.0/instances/quick/snapshots', { name: 's0' });
  await client.change('POST', '/1.0/instances/plain/backups', { name: 'b0' });
  await client.change('POST', '/1.0/projects', { name: 'other', config: { 'features.images': 'false', 'features.profiles': 'false' } });
  await client.change('POST', '/1.0/instances?project=other', { name: 'idle', source: { type: 'image', alias: 'busybox' } });
  await client.change('POST', '/1.0/storage-pools/loop/volumes/custom', { name: 'data' });
  await client.change('POST', '/1.0/storage-pools/loop/volumes/custom/data/snapshots', { name: 's0' });
}

// Slow machines need more than the usual minute.
const patienceMs = 240_000;

describe('the comparison of database and host', { timeout: patienceMs }, () => {
  it('finds nothing on a server that has some of everything, and nothing when all of it is gone', async () => {
    await furnish();
    expect(await disagreements(test.server)).toEqual([]);
    for (const path of ['/1.0/instances/plain', '/1.0/instances/quick']) await test.client.change('PUT', `${path}/state`, { action: 'stop', force: true });
    expect(await disagreements(test.server)).toEqual([]);
    for (const path of ['/1.0/instances/plain', '/1.0/instances/quick', '/1.0/instances/idle?project=other']) await test.client.change('DELETE', path);
    await test.client.change('DELETE', '/1.0/storage-pools/loop/volumes/custom/data');
    expect(await disagreements(test.server)).toEqual([]);
    await test.client.change('DELETE', '/1.0/storage-pools/loop');
    expect(await disagreements(test.server)).toEqual([]);
  });

  it('tells what one side has and the other has not', async () => {
    await launch(test.client, 'seen');
    expect(await disagreements(test.server)).toEqual([]);
    const orphans: Record<string, [make: string, unmake: string]> = {
      'orphan tree': ['mkdir storage-pools/default/containers/stray', 'rmdir storage-pools/default/containers/stray'],
      'missing tree': ['mv storage-pools/default/containers/seen hidden', 'mv hidden storage-pools/default/containers/seen'],
      'orphan mount': ['mkdir stray && mount -t tmpfs none stray', 'umount stray && rmdir stray'],
      'orphan bridge': ['ip link add stray0 type bridge', 'ip link delete stray0'],
      'orphan veth': ['ip link add stray1 type veth peer name stray2', 'ip link delete stray1'],
      'orphan nft table': ['nft add table inet asterism.stray', 'nft delete table inet asterism.stray'],
      'orphan cgroup': [
        'for d in $(find /sys/fs/cgroup -maxdepth 2 -name asterism); do mkdir $d/00000000-0000-0000-0000-000000000000; done',
        'rmdir $(find /sys/fs/cgroup -maxdepth 3 -name 00000000-0000-0000-0000-000000000000)',
      ],
      'orphan backup file': ['touch backups/stray', 'rm backups/stray'],
      'orphan DHCP host': ['touch networks/lxdbr0/dnsmasq.hosts/stray.eth0', 'rm networks/lxdbr0/dnsmasq.hosts/stray.eth0'],
      'orphan loop device': ['truncate -s 1M stray.img && losetup -f stray.img', 'losetup -j $LXD_DIR/stray.img -O NAME -n | xargs losetup -d; rm stray.img'],
      'orphan row of a root volume': [
        'psql -qh $LXD_DIR/database -U postgres -c "INSERT INTO storage.volumes (pool_id, member, project, type, name, ready) SELECT id, \'none\', \'default\', \'container\', \'stray\', true FROM storage.pools"',
        'psql -qh $LXD_DIR/database -U postgres -c "DELETE FROM storage.volumes WHERE name = \'stray\'"',
      ],
    };
    for (const [sentence, [make, unmake]] of Object.entries(orphans)) {
      await test.server.shell(`cd $LXD_DIR && ${make}`);
      const told = await disagreementsNow(test.server);
      await test.server.shell(`cd $LXD_DIR && ${unmake}`);
      expect(told.filter((line) => line.startsWith(`${sentence}: `)), `${sentence}: ${told.join('; ')}`).not.toEqual([]);
    }
    expect(await disagreements(test.server)).toEqual([]);
    await test.lxc('delete -f seen');
    expect(await disagreements(test.server)).toEqual([]);
  });
});
