// proves: container_nic_ipfilter
import { mkdtemp, rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { agentInstances } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import type { Spawned } from '../host/commands.js';
import { linuxHost } from '../host/linux-host.js';
import { runIpOf } from '../networks/links.js';
import { NetworksHandler } from '../networks/networks.handler.js';
import type { InstanceDevice, RunningInstance } from './device.js';
import { forgetNics } from './forget-nics.js';
import { applyFilter, filterScript, removeFilter, sweepFilters } from './nic-filter.js';
import { guestName, hostName } from './nic-names.js';
import { NicDriver } from './nic.js';
import { reserveNics } from './reserve-nics.js';

const host = linuxHost();
const network = `asd${process.pid % 100000}`;
const config = { 'ipv4.address': '10.213.79.1/24', 'ipv6.address': 'none' };
const hwaddr = (number: number): string => `00:16:3e:00:00:0${number}`;

function nic(instance: string, options: Record<string, string>): InstanceDevice {
  const spec = { options: { type: 'nic', network, ...options }, network: options['nictype'] ? undefined : { name: network, type: 'bridge', managed: true, config }, volume_path: '' };
  return { instance: { id: `${network}/${instance}`, project: 'default', name: instance, devices: { eth0: spec } } as unknown as agentInstances.InstanceSpec, name: 'eth0', spec };
}

/** A process with a network namespace of its own, in the place of a container's. */
class Guest {
  private constructor(
    private readonly process: Spawned,
    readonly running: RunningInstance,
  ) {}

  static async start(): Promise<Guest> {
    const process = host.spawn(['unshare', '--net', 'sh', '-c', 'ip link set lo up; echo ready; exec sleep 100']);
    await new Promise((resolve) => process.stdout.once('data', resolve));
    return new Guest(process, { pid: process.pid, idmap: [] });
  }

  async run(...argv: [string, ...string[]]): Promise<{ stdout: string; code: number }> {
    const { stdout, stderr, code } = await host.exec(['nsenter', `--net=/proc/${this.running.pid}/ns/net`, ...argv], { okCodes: [0, 1, 2] });
    return { stdout: stdout + stderr, code };
  }

  /** Asks DHCP as the busybox image does, and takes the address. */
  async dhcp(instance: string): Promise<string> {
    await this.run('ip', 'link', 'set', 'eth0', 'up');
    const { stdout } = await this.run('busybox', 'udhcpc', '-i', 'eth0', '-n', '-q', '-t', '10', '-T', '1', '-s', '/bin/true', '-x', `hostname:${instance}`);
    const address = /lease of ([\d.]+) obtained/.exec(stdout)?.[1] ?? stdout;
    await runIpOf(host, this.running.pid, [['address', 'replace', `${address}/24`, 'dev', 'eth0']]);
    return address;
  }

  async end(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.process.exited;
  }
}

describe('nics on this host', () => {
  let stateDir: string;
  let networks: NetworksHandler;
  let nics: NicDriver;
  let guests: Guest[];
  const spec = { project: 'default', name: network, type: 'bridge', config };
  const hosts = (): Promise<string[]> => host.files.readdir(`${stateDir}/networks/${network}/dnsmasq.hosts`);

  beforeAll(async () => {
    stateDir = await mkdtemp('/tmp/asterism-nics-');
    await host.files.chmod(stateDir, 0o711);
    networks = new NetworksHandler(host, stateDir);
    nics = new NicDriver(host, stateDir);
    await networks.apply(systemCall(), spec);
    guests = await Promise.all([Guest.start(), Guest.start()]);
  });
  afterAll(async () => {
    await Promise.all(guests.map((guest) => guest.end()));
    await networks.remove(systemCall(), spec);
    await rm(stateDir, { recursive: true });
  });

  it('are made before the container is, and go with it', async () => {
    const device = nic('c0', { hwaddr: hwaddr(1) });
    const started = await nics.start(device);
    const link = hostName(device);
    expect(started.volatile).toEqual({ host_name: link, name: 'eth0' });
    expect(Object.fromEntries(started.nic!)).toMatchObject({ type: 'phys', name: 'eth0', flags: 'up', hwaddr: hwaddr(1) });
    expect(await host.files.exists(`/sys/class/net/${network}/brif/${link}`)).toBe(true);
    expect(await hosts()).toEqual(['c0.eth0']);
    expect((await nics.start(device)).volatile).toEqual(started.volatile); // after a crash in between
    expect(await nics.stop(device)).toEqual({ host_name: '' });
    expect(await nics.stop(device)).toEqual({ host_name: '' });
    expect(await host.links.exists(link)).toBe(false);
    expect(await hosts()).toEqual(['c0.eth0']); // a stopped instance keeps its name
    await nics.start(device);
    await forgetNics(host, stateDir, device.instance); // deleted after a start that was cut off
    expect(await host.links.exists(link)).toBe(false);
    expect(await hosts()).toEqual([]);
  });

  it('connect guests, which find each other by name', async () => {
    const [one, two] = guests as [Guest, Guest];
    expect(await nics.plug(nic('c1', { hwaddr: hwaddr(1) }), one.running)).toMatchObject({ name: 'eth0' });
    await nics.plug(nic('c2', { hwaddr: hwaddr(2), 'ipv4.address': '10.213.79.20', name: 'eth0' }), two.running);
    const address = await one.dhcp('c1');
    expect(await two.dhcp('c2')).toBe('10.213.79.20');
    expect((await one.run('busybox', 'nslookup', 'c2.lxd', '10.213.79.1')).stdout).toContain('10.213.79.20');
    expect((await two.run('busybox', 'ping', '-c', '1', '-W', '2', address)).code).toBe(0);
    expect((await host.exec(['busybox', 'ping', '-c', '1', '-W', '2', address])).code).toBe(0);
  });

  it('let only what is their own through when filtered', async () => {
    const [one, two] = guests as [Guest, Guest];
    const filtered = nic('c1', { hwaddr: hwaddr(1), 'security.mac_filtering': 'true', 'security.ipv4_filtering': 'true', 'security.ipv6_filtering': 'true' });
    const pings = async (): Promise<boolean> => (await one.run('busybox', 'ping', '-c', '1', '-W', '1', '10.213.79.20')).code === 0;
    const before = (await one.run('ip', '-4', '-o', 'address', 'show', 'eth0')).stdout.match(/inet ([\d.]+)/)![1]!;
    await nics.update(filtered, nic('c1', { hwaddr: hwaddr(1) }).spec);
    expect(await pings()).toBe(true);
    await one.run('ip', 'address', 'flush', 'dev', 'eth0');
    await one.run('ip', 'address', 'add', '10.213.79.99/24', 'dev', 'eth0');
    await two.run('ip', 'neigh', 'flush', 'all');
    expect(await pings()).toBe(false); // another address
    await one.run('ip', 'address', 'flush', 'dev', 'eth0');
    await one.run('ip', 'address', 'add', `${before}/24`, 'dev', 'eth0');
    await one.run('ip', 'link', 'set', 'eth0', 'address', '00:16:3e:ff:ff:ff');
    expect(await pings()).toBe(false); // another MAC
    await one.run('ip', 'link', 'set', 'eth0', 'address', hwaddr(1));
    expect(await one.dhcp('c1')).toBe(before);
    await nics.update(nic('c1', { hwaddr: hwaddr(1) }), filtered.spec);
    expect((await host.exec(['nft', 'list', 'tables'])).stdout).not.toContain(hostName(filtered));
  });

  it('leave nothing when they are unplugged, but what is reserved when they stop', async () => {
    const [one, two] = guests as [Guest, Guest];
    await nics.unplug(nic('c1', { hwaddr: hwaddr(1) }), one.running);
    await nics.stop(nic('c2', { hwaddr: hwaddr(2), 'ipv4.address': '10.213.79.20' }));
    expect(await hosts()).toEqual(['c2.eth0']);
    expect(await host.files.readdir(`/sys/class/net/${network}/brif`)).toEqual([]);
    expect((await two.run('ip', 'link', 'show', 'eth0')).code).toBe(1);
    const leased = JSON.parse(Buffer.from((await networks.leases(systemCall(), { name: network })).json).toString()) as { hostname: string }[];
    expect(leased.map(({ hostname }) => hostname)).toEqual(['c2']);
  });

  it('may be links of their own (macvlan, p2p)', async () => {
    const [one] = guests as [Guest];
    const kinds: Record<string, string>[] = [{ nictype: 'macvlan', parent: network }, { nictype: 'p2p', 'ipv4.routes': '10.213.80.0/24' }];
    for (const options of kinds) {
      const device = nic('c3', { ...options, hwaddr: hwaddr(3) });
      const volatile = await nics.plug(device, one.running);
      expect((await one.run('ip', 'link', 'show', 'eth0')).stdout).toContain(hwaddr(3));
      await nics.unplug(device, one.running);
      expect((await one.run('ip', 'link', 'show', 'eth0')).code).toBe(1);
      expect(await host.links.exists(volatile['host_name']!)).toBe(false);
    }
  });

  it('reserve their addresses before the first start', async () => {
    const file = `${stateDir}/networks/${network}/dnsmasq.hosts/c5.eth0`;
    const plain = nic('c5', { hwaddr: hwaddr(5) }).instance;
    const fixed = nic('c5', { hwaddr: hwaddr(5), 'ipv4.address': '10.213.79.50' }).instance;
    await reserveNics(host, stateDir, undefined, plain);
    expect(await host.files.exists(file)).toBe(false);
    await reserveNics(host, stateDir, plain, fixed);
    expect(await host.files.readText(file)).toBe(`${hwaddr(5)},10.213.79.50,c5\n`);
    await reserveNics(host, stateDir, fixed, plain);
    expect(await host.files.readText(file)).toBe(`${hwaddr(5)},c5\n`);
    await reserveNics(host, stateDir, plain, { ...plain, devices: {} });
    expect(await host.files.exists(file)).toBe(false);
  });

  it('leave no filter behind that nothing tells of', async () => {
    const hwaddrs = { hwaddr: hwaddr(6), mac: true, filterIpv4: false, filterIpv6: false };
    const tables = async (): Promise<string[]> => (await host.exec(['nft', 'list', 'tables', 'bridge'])).stdout.split('\n').filter((line) => line.includes(network));
    await applyFilter(host, { link: `${network}a`, ...hwaddrs });
    await applyFilter(host, { link: `${network}b`, ...hwaddrs });
    await removeFilter(host, `${network}a`, {}); // a change that failed: its options were never kept
    expect(await tables()).toEqual([`table bridge asterism.${network}b`]);
    await sweepFilters(host); // a link that went before it
    expect(await tables()).toEqual([]);
    await applyFilter(host, { link: network, ...hwaddrs });
    await sweepFilters(host);
    expect(await tables()).toEqual([`table bridge asterism.${network}`]);
    await removeFilter(host, network, {});
  });

  it('refuse a parent that is not there', async () => {
    await expect(nics.start(nic('c4', { nictype: 'bridged', parent: 'asdnope', network: '' }))).rejects.toThrow('Parent device "asdnope" doesn\'t exist');
  });
});

describe('names of nics in the guest', () => {
  it('are their own, or the next free ones', () => {
    const device = nic('c1', {});
    const named = (name: string) => ({ ...device.spec, options: { type: 'nic', ...(name ? { name } : {}) } });
    const instance = { ...device.instance, devices: { a: named(''), b: named('eth0'), c: named('') } };
    expect(['a', 'b', 'c'].map((name) => guestName({ ...device, instance, name }))).toEqual(['eth1', 'eth0', 'eth2']);
  });
});

describe('the rules of a filter', () => {
  it('drop before they accept', () => {
    const script = filterScript({ link: 'veth1', hwaddr: hwaddr(1), mac: true, filterIpv4: true, filterIpv6: true, ipv4: '10.0.0.2', ipv6: 'fd00::2' });
    expect(script.indexOf('ether saddr != ')).toBeLessThan(script.indexOf('accept\n', script.indexOf('policy accept') + 20));
    expect(script).toContain('@nh,384,128 != 0xfd000000000000000000000000000002');
    expect(filterScript({ link: 'veth1', hwaddr: hwaddr(1), mac: false, filterIpv4: false, filterIpv6: false })).toBe('add table bridge asterism.veth1\ndelete table bridge asterism.veth1\n');
  });
});
