import { mkdtemp, rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemCall } from '@asterism/rpc';
import { linuxHost } from '../host/linux-host.js';
import { Dnsmasq } from './dnsmasq.js';
import { writeHost } from './dnsmasq-hosts.js';
import { runIp } from './links.js';
import { NetworksHandler } from './networks.handler.js';

const host = linuxHost();
const call = systemCall();
const name = `asn${process.pid % 100000}`;
const guest = `${name}g`;
const spec = { project: 'default', name, type: 'bridge', config: { 'ipv4.address': '10.213.77.1/24', 'ipv4.nat': 'true', 'ipv6.address': 'fd42:77:1:1::1/64' } };
const json = (document: { json: Uint8Array }): unknown => JSON.parse(Buffer.from(document.json).toString());
const inGuest = (...argv: string[]) => host.exec(['ip', 'netns', 'exec', guest, ...argv] as [string, ...string[]]);

describe('a managed bridge on this host', () => {
  let stateDir: string;
  let networks: NetworksHandler;
  beforeAll(async () => {
    stateDir = await mkdtemp('/tmp/asterism-networks-');
    await host.files.chmod(stateDir, 0o711);
    networks = new NetworksHandler(host, stateDir);
  });
  afterAll(async () => {
    await networks.remove(call, spec);
    await host.exec(['ip', 'netns', 'delete', guest], { okCodes: [0, 1] });
    await rm(stateDir, { recursive: true });
  });

  it('has its address, rules and a DHCP server', async () => {
    await networks.apply(call, spec);
    const state = json(await networks.state(call, { name })) as { addresses: object[]; state: string; bridge: object };
    expect(state.addresses).toContainEqual({ family: 'inet', address: '10.213.77.1', netmask: '24', scope: 'global' });
    expect(state.addresses).toContainEqual({ family: 'inet6', address: 'fd42:77:1:1::1', netmask: '64', scope: 'global' });
    expect(state.state).toBe('up');
    expect((await host.exec(['nft', 'list', 'table', 'inet', `asterism.${name}`])).stdout).toContain('ip saddr 10.213.77.0/24 ip daddr != 10.213.77.0/24 masquerade');
    expect((await networks.usedSubnets()).cidrs).toContain('10.213.77.0/24');
    expect((await networks.links()).type_by_name).toMatchObject({ lo: 'loopback', [name]: 'bridge' });
  });

  it('gives a guest its address and its name', async () => {
    const hwaddr = '00:16:3e:aa:bb:cc';
    await host.exec(['ip', 'netns', 'add', guest]);
    await runIp(host, [
      ['link', 'add', 'dev', `${name}h`, 'type', 'veth', 'peer', 'name', 'eth0', 'address', hwaddr, 'netns', guest],
      ['link', 'set', 'dev', `${name}h`, 'master', name, 'up'],
    ]);
    await inGuest('ip', 'link', 'set', 'eth0', 'up');
    await writeHost(host, new Dnsmasq(host, stateDir, name), { project: 'default', instance: 'c1', device: 'eth0', hwaddr, ipv4: '10.213.77.20' }, 'managed');
    const dhcp = await inGuest('busybox', 'udhcpc', '-i', 'eth0', '-n', '-q', '-t', '10', '-T', '1', '-s', '/bin/true', '-x', 'hostname:c1');
    expect(dhcp.stderr + dhcp.stdout).toContain('10.213.77.20 obtained');
    expect(json(await networks.leases(call, { name }))).toEqual([{ hostname: 'c1', hwaddr, address: '10.213.77.20', type: 'dynamic' }]);
    await inGuest('ip', 'address', 'add', '10.213.77.20/24', 'dev', 'eth0');
    const answer = await inGuest('busybox', 'nslookup', 'c1.lxd', '10.213.77.1');
    expect(answer.stdout).toContain('Address: 10.213.77.20');
  });

  it('keeps its DHCP server when it is applied again, also by another agent', async () => {
    const pid = async (): Promise<string> => host.files.readText(`${stateDir}/networks/${name}/dnsmasq.ready`);
    const before = await pid();
    await networks.apply(call, spec);
    expect(await new NetworksHandler(host, stateDir).start()).toEqual([]);
    expect(await pid()).toBe(before);
  });

  it('follows its configuration', async () => {
    await networks.apply(call, { ...spec, config: { 'ipv4.address': '10.213.78.1/24', 'bridge.mtu': '1400', 'ipv4.routes': '10.213.99.0/24', 'ipv4.routing': 'false' } });
    const state = json(await networks.state(call, { name })) as { addresses: { address: string }[]; mtu: number };
    expect(state.addresses.map(({ address }) => address)).toEqual(['10.213.78.1']);
    expect(state.mtu).toBe(1400);
    expect((await host.exec(['ip', 'route', 'show', 'dev', name])).stdout).toContain('10.213.99.0/24 proto static');
    expect((await host.exec(['nft', 'list', 'table', 'inet', `asterism.${name}`])).stdout).toContain('reject');
  });

  it('refuses the name of a link that is there already', async () => {
    await expect(networks.apply(call, { ...spec, name: 'lo' })).rejects.toThrow('Network interface "lo" already exists');
    expect(await host.files.exists(`${stateDir}/networks/lo`)).toBe(false);
  });

  it('says why its server could not start, and leaves nothing', async () => {
    const twin = `${name}t`;
    await expect(networks.apply(call, { ...spec, name: twin, config: { 'ipv4.address': '10.213.78.1/24' } })).rejects.toThrow('Address already in use');
    expect(await host.links.exists(twin)).toBe(false);
    expect((await host.exec(['nft', 'list', 'tables'])).stdout).not.toContain(twin);
  });

  it('leaves nothing when it is removed', async () => {
    await networks.remove(call, spec);
    await networks.remove(call, spec);
    expect(await host.links.exists(name)).toBe(false);
    expect(await host.files.exists(`${stateDir}/networks/${name}`)).toBe(false);
    expect((await host.exec(['nft', 'list', 'tables'])).stdout).not.toContain(name);
  });
});
