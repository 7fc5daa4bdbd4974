import { createHash } from 'node:crypto';
import { bridgeKeys, invalidBridgeConfig, isFalse, isTrue, subnets, valueOf } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';

type Config = Readonly<Record<string, string>>;

/** What one address family of a bridge shall be; absent where the network has none of that family. */
export interface FamilyWish {
  /** The bridge's own address, without prefix length. */
  address: string;
  subnet: subnets.Subnet;
  routes: string[];
  forward: boolean;
  firewall: boolean;
  nat: boolean;
  /** Source address of NAT; undefined masquerades. */
  natAddress: string | undefined;
  natAfter: boolean;
  dhcp: boolean;
  dhcpExpiry: string;
  dhcpRanges: [first: string, last: string][];
}

/** A managed bridge as its configuration wishes it, with every default filled in. */
export interface BridgeWish {
  name: string;
  mtu: number | undefined;
  hwaddr: string;
  externalInterfaces: string[];
  ipv4: (FamilyWish & { gateway: string }) | undefined;
  ipv6: (FamilyWish & { stateful: boolean }) | undefined;
  dns: { mode: string; domain: string; search: string };
  rawDnsmasq: string;
}

/**
 * Refuses a configuration that is not valid: its values become words of commands, rules and files. `seed` tells state directories of one host apart, so that a bridge keeps its MAC
 * over restarts and no two share one.
 */
export function bridgeWish(name: string, config: Config, seed: string): BridgeWish {
  const reason = invalidBridgeConfig(name, config);
  if (reason !== undefined) throw new LxdError('bad-request', reason);
  const ipv4 = familyWish(config, 4);
  const ipv6 = familyWish(config, 6);
  const mtu = config[bridgeKeys.mtu.name];
  return {
    name,
    mtu: mtu ? Number(mtu) : undefined,
    hwaddr: config[bridgeKeys.hwaddr.name] || stableHwaddr(`${seed}/${name}`),
    externalInterfaces: list(config[bridgeKeys.externalInterfaces.name]),
    ipv4: ipv4 && { ...ipv4, gateway: config[bridgeKeys.ipv4DhcpGateway.name] ?? '' },
    ipv6: ipv6 && { ...ipv6, stateful: isTrue(config[bridgeKeys.ipv6DhcpStateful.name]) },
    dns: { mode: valueOf(config, bridgeKeys.dnsMode), domain: valueOf(config, bridgeKeys.dnsDomain), search: list(config[bridgeKeys.dnsSearch.name]).join(',') },
    rawDnsmasq: config[bridgeKeys.rawDnsmasq.name] ?? '',
  };
}

const families = {
  4: {
    address: bridgeKeys.ipv4Address,
    routes: bridgeKeys.ipv4Routes,
    routing: bridgeKeys.ipv4Routing,
    firewall: bridgeKeys.ipv4Firewall,
    nat: bridgeKeys.ipv4Nat,
    natAddress: bridgeKeys.ipv4NatAddress,
    natOrder: bridgeKeys.ipv4NatOrder,
    dhcp: bridgeKeys.ipv4Dhcp,
    expiry: bridgeKeys.ipv4DhcpExpiry,
    ranges: bridgeKeys.ipv4DhcpRanges,
  },
  6: {
    address: bridgeKeys.ipv6Address,
    routes: bridgeKeys.ipv6Routes,
    routing: bridgeKeys.ipv6Routing,
    firewall: bridgeKeys.ipv6Firewall,
    nat: bridgeKeys.ipv6Nat,
    natAddress: bridgeKeys.ipv6NatAddress,
    natOrder: bridgeKeys.ipv6NatOrder,
    dhcp: bridgeKeys.ipv6Dhcp,
    expiry: bridgeKeys.ipv6DhcpExpiry,
    ranges: bridgeKeys.ipv6DhcpRanges,
  },
} as const;

function familyWish(config: Config, family: 4 | 6): FamilyWish | undefined {
  const keys = families[family];
  const cidr = config[keys.address.name] ?? '';
  const subnet = subnets.subnetOf(cidr);
  if (!subnet || subnet.family !== family) return undefined;
  return {
    address: cidr.slice(0, cidr.indexOf('/')),
    subnet,
    routes: list(config[keys.routes.name]),
    forward: !isFalse(config[keys.routing.name]),
    firewall: !isFalse(config[keys.firewall.name]),
    nat: isTrue(config[keys.nat.name]),
    natAddress: config[keys.natAddress.name] || undefined,
    natAfter: config[keys.natOrder.name] === 'after',
    dhcp: !isFalse(config[keys.dhcp.name]),
    dhcpExpiry: valueOf(config, keys.expiry),
    dhcpRanges: list(config[keys.ranges.name]).map((range) => range.split('-') as [string, string]),
  };
}

function list(value: string | undefined): string[] {
  return (value ?? '').split(',').map((item) => item.trim()).filter((item) => item !== '');
}

/** In the range that LXD's own addresses come from. */
function stableHwaddr(seed: string): string {
  const hash = createHash('sha256').update(seed).digest('hex');
  return `00:16:3e:${hash.slice(0, 2)}:${hash.slice(2, 4)}:${hash.slice(4, 6)}`;
}
