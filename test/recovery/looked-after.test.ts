import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exec, launch, scenario } from '../api/scenario.js';

process.env['ASTERISM_LOOK_AFTER_SECONDS'] = '1';
const test = scenario();
const patiently = { timeout: 100_000, interval: 250 };

interface Warning {
  type: string;
  status: string;
  severity: string;
  last_message: string;
  entity_url: string;
}

async function shell(script: string): Promise<string> {
  const { code, stdout, stderr } = await test.server.shell(script);
  if (code !== 0) throw new Error(`${script}: ${stderr}`);
  return stdout.trim();
}

const sql = (statement: string): Promise<string> => shell(`psql -h ${join(test.server.stateDirectory, 'database')} -U postgres -d postgres -AtqX -c "${statement}"`);
const warning = async (type: string): Promise<Warning | undefined> => (await test.client.get<Warning[]>('/1.0/warnings?recursion=1')).find((each) => each.type === type);
const status = async (name: string): Promise<string> => (await test.client.get<{ status: string }>(`/1.0/instances/${name}`)).status;
const servers = (): Promise<string> => shell('pgrep -x dnsmasq || true');

describe('a network', () => {
  it('has its DHCP server again when that was killed', async () => {
    await launch(test.client, 'c1');
    const before = await servers();
    await shell(`kill -9 ${before}`);
    // The dead one may be seen until it is taken note of.
    await expect.poll(async () => (await servers()).split('\n').filter((pid) => pid !== '' && pid !== before), patiently).toHaveLength(1);
  });

  it('has its bridge and rules again when somebody deleted them, and instances their links', async () => {
    await shell('ip link delete lxdbr0');
    await expect.poll(() => shell('ip -4 -o address show dev lxdbr0 2>/dev/null || true'), patiently).toContain('10.211.9.1/24');
    await expect.poll(() => shell('ls /sys/class/net/lxdbr0/brif'), patiently).toMatch(/^veth/);
    await shell('nft delete table inet asterism.lxdbr0');
    await expect.poll(() => shell('nft list tables'), patiently).toContain('asterism.lxdbr0');
    expect((await exec(test.client, 'c1', ['udhcpc', '-i', 'eth0', '-n', '-q', '-t', '20', '-T', '1', '-s', '/bin/true'])).code).toBe(0);
  });

  it('that cannot be mended is a warning, until it can', async () => {
    await test.client.change('POST', '/1.0/networks', { name: 'other', config: { 'ipv4.address': '10.211.10.1/24', 'ipv6.address': 'none' } });
    await shell('ip link delete other; ip link add other type veth peer name stranger');
    await expect.poll(() => warning('Network unavailable'), patiently).toMatchObject({ status: 'new', severity: 'high', entity_url: '/1.0/networks/other' });
    expect((await warning('Network unavailable'))!.last_message).toContain('Look at the interface on the host');
    await shell('ip link delete other');
    await expect.poll(() => warning('Network unavailable'), patiently).toMatchObject({ status: 'resolved' });
    await test.client.change('DELETE', '/1.0/networks/other');
  });

  it('that nobody owns is cleared away', async () => {
    const spec = JSON.stringify({ project: 'default', name: 'ghost', type: 'bridge', config: { 'ipv4.address': '10.211.11.1/24', 'ipv6.address': 'none' } });
    await shell(`mkdir ${test.server.stateDirectory}/networks/ghost; printf '%s' '${spec}' > ${test.server.stateDirectory}/networks/ghost/network.json`);
    await expect.poll(() => shell(`ls ${test.server.stateDirectory}/networks; ls /sys/class/net`), patiently).not.toContain('ghost');
  });
});

describe('an instance', () => {
  it('is stopped when its monitor was killed, and nothing of it runs on', async () => {
    const { pid } = await test.client.get<{ pid: number }>('/1.0/instances/c1/state');
    await shell(`kill -9 $(pgrep -f '^\\[lxc monitor\\].* c1$')`);
    await expect.poll(() => status('c1'), patiently).toBe('Stopped');
    await expect.poll(() => shell(`test -e /proc/${pid} && echo runs || echo gone`), patiently).toBe('gone');
    await test.client.change('PUT', '/1.0/instances/c1/state', { action: 'start', timeout: 30 });
    expect((await exec(test.client, 'c1', ['true'])).code).toBe(0);
  });

  it('is what its member says where an event was lost', async () => {
    await sql(`UPDATE instances.instances SET status = 'Stopped', status_code = 102 WHERE name = 'c1'`);
    await expect.poll(() => status('c1'), patiently).toBe('Running');
    await test.client.change('PUT', '/1.0/instances/c1/state', { action: 'stop', force: true });
    await sql(`UPDATE instances.instances SET status = 'Running', status_code = 103 WHERE name = 'c1'`);
    await expect.poll(() => status('c1'), patiently).toBe('Stopped');
  });

  it('whose record nobody wants any more is forgotten by its member', async () => {
    const log = `${test.server.stateDirectory}/instances.log`;
    await test.server.end('SIGTERM');
    await shell(`grep '"c1"' ${log} | tail -1 | sed 's/"id":"[^"]*"/"id":"11111111-1111-4111-8111-111111111111"/g; s/"c1"/"c9"/g' >> ${log}`);
    await test.server.launch();
    expect(await shell(`grep -c 11111111 ${log}`)).toBe('1');
    await expect.poll(() => shell(`tail -1 ${log}`), patiently).toBe('{"id":"11111111-1111-4111-8111-111111111111"}');
    expect(await status('c1')).toBe('Stopped');
  });
});

describe('a pool', () => {
  it('that is gone is a warning until it is back', async () => {
    const path = `${test.server.stateDirectory}/storage-pools/default`;
    await shell(`mv ${path} ${path}.away`);
    await expect.poll(() => warning('Storage pool unavailable'), patiently).toMatchObject({ status: 'new', severity: 'high', entity_url: '/1.0/storage-pools/default' });
    expect((await warning('Storage pool unavailable'))!.last_message).toContain('Bring back its source');
    expect(await warning('Storage volume missing')).toBeUndefined();
    await shell(`mv ${path}.away ${path}`);
    await expect.poll(() => warning('Storage pool unavailable'), patiently).toMatchObject({ status: 'resolved' });
  });

  it('is mounted again when somebody unmounted it', async () => {
    await test.client.change('POST', '/1.0/storage-pools', { name: 'loop', driver: 'btrfs', config: { size: '256MiB' } });
    const path = `${test.server.stateDirectory}/storage-pools/loop`;
    await shell(`umount ${path}`);
    await expect.poll(() => shell(`grep -c ' ${path} ' /proc/mounts || true`), patiently).toBe('1');
    await test.client.change('DELETE', '/1.0/storage-pools/loop');
  });

  it('tells of volumes that only one side knows', async () => {
    const containers = `${test.server.stateDirectory}/storage-pools/default/containers`;
    await shell(`mv ${containers}/c1 ${containers}/stray`);
    await expect.poll(() => warning('Storage volume missing'), patiently).toMatchObject({ status: 'new', entity_url: '/1.0/storage-pools/default/volumes/container/c1' });
    expect(await warning('Storage volume without owner')).toMatchObject({ status: 'new', severity: 'low', last_message: expect.stringContaining('container stray') as string });
    await shell(`mv ${containers}/stray ${containers}/c1`);
    await expect.poll(() => warning('Storage volume missing'), patiently).toMatchObject({ status: 'resolved' });
    expect(await warning('Storage volume without owner')).toMatchObject({ status: 'resolved' });
    await test.client.change('DELETE', '/1.0/instances/c1');
  });
});

describe('an image', () => {
  it('whose files are gone, and files that no image has, are warnings until they are right again', async () => {
    const images = `${test.server.stateDirectory}/images`;
    const [fingerprint] = (await test.client.get<string[]>('/1.0/images')).map((url) => url.split('/').at(-1)!);
    const stray = fingerprint!.split('').reverse().join('');
    await shell(`mv ${images}/${fingerprint} ${images}/${stray}`);
    await expect.poll(() => warning('Image files missing'), patiently).toMatchObject({ status: 'new', severity: 'high', entity_url: `/1.0/images/${fingerprint}` });
    await expect.poll(() => warning('Image files without owner'), patiently).toMatchObject({ status: 'new', severity: 'low', last_message: expect.stringContaining(stray) as string });
    await shell(`mv ${images}/${stray} ${images}/${fingerprint}`);
    await expect.poll(() => warning('Image files missing'), patiently).toMatchObject({ status: 'resolved' });
    await expect.poll(() => warning('Image files without owner'), patiently).toMatchObject({ status: 'resolved' });
  });
});
