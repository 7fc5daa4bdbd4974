import { describe, expect, it } from 'vitest';
import type { HostLink } from '../host/link-dump.js';
import { bridgeCommands } from './bridge-link.js';
import { bridgeWish } from './bridge-wish.js';
import { dnsmasqArguments, dnsmasqFiles } from './dnsmasq-config.js';
import { firewallScript } from './firewall-rules.js';
import { parseLeases } from './leases.js';


const wish = (config: Record<string, string>) => bridgeWish('nt1', config, '/state');
const link = (more: Partial<HostLink> = {}): HostLink => ({
  index: 5, name: 'nt1', isUp: true, type: 'broadcast', isEthernet: true, mtu: 1500, hwaddr: wish({}).hwaddr, kind: 'bridge', lowerIndex: 0,
  counters: { bytesReceived: 0, bytesSent: 0, packetsReceived: 0, packetsSent: 0 }, addresses: [], ...more,
});
const lines = (commands: readonly (readonly string[])[]) => commands.map((command) => command.join(' '));
const rich = {
  'ipv4.address': '10.212.1.1/24',
  'ipv6.address': 'fd42:1:2:3::1/64',
  'ipv6.dhcp.stateful': 'true',
  'ipv4.dhcp.ranges': '10.212.1.50-10.212.1.60,10.212.1.70-10.212.1.80',
  'ipv4.dhcp.expiry': '2h',
  'ipv4.dhcp.gateway': '10.212.1.7',
  'dns.domain': 'foo.bar',
  'dns.search': 'a.b,c.d',
  'dns.mode': 'dynamic',
  'ipv4.nat': 'true',
  'ipv4.nat.address': '192.0.2.2',
  'bridge.mtu': '1400',
  'ipv4.firewall': 'false',
  'ipv6.routing': 'false',
};

describe('the wish of a bridge', () => {
  it('keeps a MAC of its own for each state directory', () => {
    expect(wish({}).hwaddr).toMatch(/^00:16:3e(:[0-9a-f]{2}){3}$/);
    expect(wish({}).hwaddr).toBe(wish({}).hwaddr);
    expect(bridgeWish('nt1', {}, '/other').hwaddr).not.toBe(wish({}).hwaddr);
  });

  it('is made of valid configuration only', () => {
    expect(() => wish({ 'ipv4.nat.address': '192.0.2.2 } drop' })).toThrow('Not an IPv4 address');
  });
});

describe('the commands of a bridge', () => {
  it('are none where the kernel has what is wished', () => {
    const observed = { link: link({ addresses: [{ family: 'inet', address: '10.212.1.1', prefix: 24, scope: 'global' }] }), routes: ['10.99.0.0/24'], members: ['eth7'] };
    expect(bridgeCommands(wish({ 'ipv4.address': '10.212.1.1/24', 'ipv4.routes': '10.99.0.0/24', 'bridge.external_interfaces': 'eth7' }), observed)).toEqual([]);
  });

  it('lead from one state to the other', () => {
    const observed = { link: link({ mtu: 1400, addresses: [{ family: 'inet', address: '10.1.0.1', prefix: 24, scope: 'global' }, { family: 'inet6', address: 'fe80::1', prefix: 64, scope: 'link' }] }), routes: ['10.9.0.1/32'], members: [] };
    expect(lines(bridgeCommands(wish({ 'ipv4.address': '10.212.1.1/24', 'bridge.external_interfaces': 'eth7' }), observed))).toEqual([
      'link set dev nt1 mtu 1500',
      'address del 10.1.0.1/24 dev nt1',
      'address add 10.212.1.1/24 dev nt1',
      'route del 10.9.0.1/32 dev nt1 proto static',
      'link set dev eth7 master nt1',
      'link set dev eth7 up',
    ]);
  });
});

describe('the DHCP and DNS server', () => {
  const words = (config: Record<string, string>): string => dnsmasqArguments(wish(config), dnsmasqFiles('/state', 'nt1')).join(' ');

  it('serves what the reference serves', () => {
    const simple = words({ 'ipv4.address': '10.212.1.1/24', 'ipv6.address': 'fd42:c19a:960f:170::1/64' });
    expect(simple).toContain('--listen-address=10.212.1.1 --dhcp-no-override --dhcp-authoritative --dhcp-leasefile=/state/networks/nt1/dnsmasq.leases --dhcp-hostsfile=/state/networks/nt1/dnsmasq.hosts --dhcp-range 10.212.1.2,10.212.1.254,1h');
    expect(simple).toContain('--listen-address=fd42:c19a:960f:170::1 --enable-ra --dhcp-range ::,constructor:nt1,ra-stateless,ra-names -s lxd --interface-name _gateway.lxd,nt1 -S /lxd/');
    const all = words(rich);
    expect(all).toContain('--dhcp-option-force=3,10.212.1.7 --dhcp-option-force=26,1400 --dhcp-option-force=119,a.b,c.d --dhcp-range 10.212.1.50,10.212.1.60,2h --dhcp-range 10.212.1.70,10.212.1.80,2h');
    expect(all).toContain('--enable-ra --dhcp-range fd42:1:2:3::2,fd42:1:2:3:ffff:ffff:ffff:ffff,64,1h -s foo.bar');
  });

  it('leaves out what is switched off', () => {
    const off = words({ 'ipv4.address': '10.212.1.1/24', 'ipv6.address': 'fd42:1:2:3::1/64', 'ipv4.dhcp': 'false', 'ipv6.dhcp': 'false', 'dns.mode': 'none' });
    expect(off).toContain('--listen-address=fd42:1:2:3::1 --enable-ra --dhcp-range ::,constructor:nt1,ra-only --conf-file=');
    expect(off).not.toContain('--dhcp-leasefile');
  });
});

describe('the rules of a network', () => {
  it('are those of the reference, in a table of its own', () => {
    const script = firewallScript(wish(rich));
    expect(script).toContain('add table inet asterism.nt1\ndelete table inet asterism.nt1\ntable inet asterism.nt1 {');
    expect(script).toContain('ip saddr 10.212.1.0/24 ip daddr != 10.212.1.0/24 snat ip to 192.0.2.2');
    expect(script).toContain('ip6 version 6 oifname "nt1" reject');
    expect(script).not.toContain('ip version 4');
    expect(script).toContain('iifname "nt1" udp dport 547 accept');
    expect(script).not.toContain('udp dport 67');
  });

  it('put source NAT before the rules of others, or after them', () => {
    expect(firewallScript(wish(rich))).toContain('chain masquerading {\n\t\ttype nat hook postrouting priority srcnat - 1;');
    expect(firewallScript(wish({ ...rich, 'ipv4.nat.order': 'after' }))).toContain('chain masquerading-after {\n\t\ttype nat hook postrouting priority srcnat + 1;');
  });

  it('leave no table where there are none', () => {
    expect(firewallScript(wish({}))).toBe('add table inet asterism.nt1\ndelete table inet asterism.nt1\n');
  });
});

describe('leases', () => {
  it('are read from the file of dnsmasq, DHCPv6 among them', () => {
    const text = '1795438464 00:16:3e:67:1a:b7 10.212.1.20 c2 01:00:16:3e:67:1a:b7\nduid 00:01:00:01:32\n1795438464 4201671 fd42::2 c3 00:01:00:01:32:96:e2:92:00:16:3e:aa:bb:cc\n';
    expect(parseLeases(text).map(({ hostname, hwaddr, address }) => [hostname, hwaddr, address])).toEqual([
      ['c2', '00:16:3e:67:1a:b7', '10.212.1.20'],
      ['c3', '00:16:3e:aa:bb:cc', 'fd42::2'],
    ]);
  });
});
