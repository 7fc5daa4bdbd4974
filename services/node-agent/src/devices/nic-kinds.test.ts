// proves: container_nic_ipvlan, container_nic_ipvlan_gateway, container_nic_ipvlan_mode, container_nic_ipvlan_host_table
import type { agentInstances } from '@asterism/proto';
import { describe, expect, it } from 'vitest';
import { FakeHost } from '../host/fake-host.js';
import type { InstanceDevice } from './device.js';
import { applyBridgeVlans } from './nic-bridge-vlans.js';
import { NicDriver } from './nic.js';

function nic(options: Record<string, string>): InstanceDevice {
  const spec = { options: { type: 'nic', name: 'eth9', hwaddr: '00:16:3e:00:00:01', host_name: 'vethhost', ...options }, network: undefined, volume_path: '' };
  return { instance: { id: 'i', config: {}, devices: { n: spec } } as unknown as agentInstances.InstanceSpec, name: 'n', spec };
}

function host(): FakeHost {
  const fake = new FakeHost();
  fake.links.names.add('parent0');
  fake.files.put('/sys/class/net/parent0/mtu', '1500\n').put('/proc/sys/net/ipv4/conf/vethhost/forwarding').put('/proc/sys/net/ipv6/conf/vethhost/forwarding');
  return fake;
}

const running = { pid: 42, idmap: [] };

describe('a routed nic', () => {
  it('has the host route its addresses, and answer for them on the parent’s network', async () => {
    const fake = host();
    fake.files.put('/proc/sys/net/ipv4/conf/parent0/forwarding', '1\n');
    const { nic: section } = await new NicDriver(fake, '/state').start(nic({ nictype: 'routed', parent: 'parent0', 'ipv4.address': '10.1.1.5', 'ipv4.host_table': '77' }));
    expect(section).toEqual(expect.arrayContaining([['type', 'phys'], ['ipv4.gateway', '169.254.0.1'], ['ipv4.address', '10.1.1.5/32 0.0.0.0']]));
    expect(fake.inputs.join('')).toContain(
      ['addr add 169.254.0.1/32 dev vethhost', 'route replace 10.1.1.5/32 dev vethhost proto boot', 'route replace 10.1.1.5/32 dev vethhost proto boot table 77', 'neigh replace proxy 10.1.1.5 dev parent0'].join('\n'),
    );
    expect(fake.inputs.join('')).toContain('iifname "vethhost" fib saddr . iif oif missing drop');
  });

  it('wants a parent that forwards', async () => {
    const driver = new NicDriver(host(), '/state');
    await expect(driver.start(nic({ nictype: 'routed', parent: 'parent0', 'ipv4.address': '10.1.1.5' }))).rejects.toThrow('Routed mode requires sysctl net.ipv4.conf.parent0.forwarding=1');
    await expect(driver.start(nic({ nictype: 'routed', parent: 'nope0', 'ipv4.address': '10.1.1.5' }))).rejects.toThrow('Parent device "nope0" doesn\'t exist');
  });
});

describe('an ipvlan nic', () => {
  it('is made by LXC, in the mode that is asked for', async () => {
    const driver = new NicDriver(host(), '/state');
    const { nic: section } = await driver.start(nic({ nictype: 'ipvlan', parent: 'parent0', 'ipv4.address': '10.1.1.5,10.1.1.6' }));
    expect(section).toEqual(expect.arrayContaining([['type', 'ipvlan'], ['link', 'parent0'], ['ipvlan.mode', 'l3s'], ['l2proxy', '1'], ['ipv4.gateway', 'dev'], ['ipv4.address', '10.1.1.6/32']]));
    expect(section?.[0]).toEqual(['type', 'ipvlan']);
    const second = await driver.start(nic({ nictype: 'ipvlan', parent: 'parent0', mode: 'l2', 'ipv6.address': 'fd00::5/64', 'ipv6.gateway': 'fd00::1' }));
    expect(second.nic).toEqual(expect.arrayContaining([['ipvlan.mode', 'l2'], ['ipv6.gateway', 'fd00::1'], ['ipv6.address', 'fd00::5/64']]));
  });

  it('is routed in a table of its own too where that is asked, as long as it is there', async () => {
    const fake = host();
    const driver = new NicDriver(fake, '/state');
    const device = nic({ nictype: 'ipvlan', parent: 'parent0', 'ipv4.address': '10.1.1.5', 'ipv4.host_table': '100', 'ipv6.address': 'fd00::5', 'ipv6.host_table': '101' });
    await driver.start(device);
    expect(fake.inputs.join('')).toContain('route replace 10.1.1.5/32 dev lo table 100\nroute replace fd00::5/128 dev lo table 101\n');
    await driver.stop(device);
    expect(fake.inputs.slice(-2)).toEqual(['route del 10.1.1.5/32 dev lo table 100\n', 'route del fd00::5/128 dev lo table 101\n']);
  });

  it('has a VLAN made for it pass on what LXC answers for', async () => {
    const fake = host();
    for (const name of ['ipv4/conf/parent0.9/forwarding', 'ipv6/conf/parent0.9/forwarding', 'ipv6/conf/parent0.9/proxy_ndp']) fake.files.put(`/proc/sys/net/${name}`, '0');
    await new NicDriver(fake, '/state').start(nic({ nictype: 'ipvlan', parent: 'parent0', vlan: '9', 'ipv4.address': '10.1.1.5', 'ipv6.address': 'fd00::5' }));
    expect(Object.entries(fake.files.tree('/proc/sys/net/ipv')).filter(([, value]) => value === '1')).toHaveLength(3);
  });

  it('cannot come to a running instance', async () => {
    await expect(new NicDriver(host(), '/state').plug(nic({ nictype: 'ipvlan', parent: 'parent0' }), running)).rejects.toThrow('Failed to add device "n": Device cannot be added when instance is running');
  });
});

describe('a nic on a VLAN', () => {
  it('makes the VLAN’s link, remembers that, and takes it away', async () => {
    const fake = host();
    const driver = new NicDriver(fake, '/state');
    const device = nic({ nictype: 'macvlan', parent: 'parent0', vlan: '9', gvrp: 'true', host_name: 'mac1' });
    const { volatile } = await driver.start(device);
    expect(volatile).toEqual({ host_name: 'mac1', 'last_state.created': 'true' });
    expect(fake.inputs[0]).toBe('link add link parent0 name parent0.9 up type vlan id 9 gvrp on\n');
    fake.links.names.add('parent0.9');
    await driver.stop(nic({ ...device.spec.options, ...volatile }));
    expect(fake.links.names.has('parent0.9')).toBe(false);
  });

  it('leaves a link that was there before', async () => {
    const fake = host();
    fake.links.names.add('parent0.9');
    const driver = new NicDriver(fake, '/state');
    const { volatile } = await driver.start(nic({ nictype: 'macvlan', parent: 'parent0', vlan: '9', host_name: 'mac1' }));
    expect(volatile).toEqual({ host_name: 'mac1' });
    await driver.stop(nic({ nictype: 'macvlan', parent: 'parent0', vlan: '9', host_name: 'mac1' }));
    expect(fake.links.names.has('parent0.9')).toBe(true);
  });
});

describe('VLANs of a bridged nic', () => {
  const port = { bridge: 'br0', port: 'veth1' };

  it('are set on its port', async () => {
    const fake = new FakeHost();
    fake.files.put('/sys/class/net/br0/bridge/vlan_filtering', '1\n').put('/sys/class/net/br0/bridge/default_pvid', '1\n');
    await applyBridgeVlans(fake, { vlan: '10', 'vlan.tagged': '20-21, 30' }, port);
    expect(fake.log).toEqual([
      'bridge vlan del dev veth1 vid 1',
      'bridge vlan add dev veth1 vid 10 pvid untagged',
      'bridge vlan add dev veth1 vid 20',
      'bridge vlan add dev veth1 vid 21',
      'bridge vlan add dev veth1 vid 30',
    ]);
  });

  it('want a bridge that filters', async () => {
    const fake = new FakeHost();
    await expect(applyBridgeVlans(fake, { vlan: '10' }, port)).rejects.toThrow('Failed getting bridge VLAN status for "br0"');
    fake.files.put('/sys/class/net/br0/bridge/vlan_filtering', '0\n');
    await expect(applyBridgeVlans(fake, { vlan: 'none' }, port)).rejects.toThrow('VLAN filtering is not enabled');
    await applyBridgeVlans(fake, {}, port);
  });
});

describe('a physical nic', () => {
  it('is named again when it comes back under the name it had inside', async () => {
    const fake = host();
    fake.links.names.delete('parent0');
    fake.links.names.add('eth9');
    const list = fake.links.list.bind(fake.links);
    fake.links.list = async () => (await list()).map((link) => (link.name === 'eth9' ? { ...link, hwaddr: '00:16:3e:00:00:02' } : link));
    await new NicDriver(fake, '/state').stop(nic({ nictype: 'physical', parent: 'parent0', 'last_state.hwaddr': '00:16:3e:00:00:02', hwaddr: '' }));
    expect(fake.inputs[0]).toBe('link set dev eth9 down\nlink set dev eth9 name parent0\n');
  });
});
