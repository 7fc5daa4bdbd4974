import { bridgeKeys, isTrue, subnets } from '@asterism/config-keys';
import type { NetworkRow } from './network.store.js';

/** A nic on a network, as the instances service tells of it. */
export interface Nic {
  project: string;
  instance: string;
  hwaddr: string;
  ipv4: string;
  ipv6: string;
  member: string;
}

/** LXD's NetworkLease. */
export interface Lease {
  hostname: string;
  hwaddr: string;
  address: string;
  type: 'gateway' | 'static' | 'dynamic';
  location: string;
}

/** All that a network knows of addresses: its own, those that nics name, those that follow from their MACs, and what DHCP gave. */
export function leasesOf(network: NetworkRow, nics: readonly Nic[], dynamic: readonly Lease[]): Lease[] {
  const known = [...gateways(network), ...nics.flatMap((nic) => leasesOfNic(network, nic))];
  const isKnown = (lease: Lease): boolean => known.some(({ hwaddr, address }) => hwaddr === lease.hwaddr && address === lease.address);
  return [...known, ...dynamic.filter((lease) => !isKnown(lease))];
}

function gateways({ name, config }: NetworkRow): Lease[] {
  return [bridgeKeys.ipv4Address, bridgeKeys.ipv6Address].flatMap((key): Lease[] => {
    const cidr = config[key.name] ?? '';
    return subnets.subnetOf(cidr) ? [{ hostname: `${name}.gw`, hwaddr: '', address: cidr.slice(0, cidr.indexOf('/')), type: 'gateway', location: '' }] : [];
  });
}

function leasesOfNic({ config }: NetworkRow, nic: Nic): Lease[] {
  const lease = (address: string, type: 'static' | 'dynamic'): Lease[] =>
    address === '' ? [] : [{ hostname: nic.instance, hwaddr: nic.hwaddr, address, type, location: nic.member }];
  const subnet = subnets.subnetOf(config[bridgeKeys.ipv6Address.name] ?? '');
  const isStateless = subnet !== undefined && !isTrue(config[bridgeKeys.ipv6DhcpStateful.name]) && nic.hwaddr !== '';
  return [...lease(nic.ipv4, 'static'), ...lease(nic.ipv6, 'static'), ...lease(isStateless ? subnets.eui64Address(subnet, nic.hwaddr) : '', 'dynamic')];
}
