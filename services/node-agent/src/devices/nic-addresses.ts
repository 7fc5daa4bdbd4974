import { bridgeKeys, isTrue, nicBridgedKeys, subnets } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { Host } from '../host/host.js';
import type { Dnsmasq } from '../networks/dnsmasq.js';
import { parseLeases } from '../networks/leases.js';
import type { InstanceDevice } from './device.js';

/** The addresses a nic is tied to: those its options name, and, where its traffic is filtered by address, one that is found for it. */
export async function addressesFor(host: Host, device: InstanceDevice, dnsmasq: Dnsmasq | undefined): Promise<{ ipv4?: string; ipv6?: string }> {
  const { options, network } = device.spec;
  const config = network?.config ?? {};
  const hwaddr = options[nicBridgedKeys.hwaddr.name] ?? '';
  const filters4 = isTrue(options[nicBridgedKeys.securityIpv4Filtering.name]);
  const filters6 = isTrue(options[nicBridgedKeys.securityIpv6Filtering.name]);
  const ipv4 = options[nicBridgedKeys.ipv4Address.name] || (filters4 && dnsmasq ? await freeAddress(host, dnsmasq, config, hwaddr) : '');
  const subnet6 = subnets.subnetOf(config[bridgeKeys.ipv6Address.name] ?? '');
  const stateless = filters6 && subnet6 && hwaddr && !isTrue(config[bridgeKeys.ipv6DhcpStateful.name]) ? subnets.eui64Address(subnet6, hwaddr) : '';
  const ipv6 = options[nicBridgedKeys.ipv6Address.name] || stateless;
  return { ...(ipv4 ? { ipv4 } : {}), ...(ipv6 ? { ipv6 } : {}) };
}

/** The address this MAC has already, or the first of the network that nobody has. */
async function freeAddress(host: Host, dnsmasq: Dnsmasq, config: Readonly<Record<string, string>>, hwaddr: string): Promise<string> {
  const cidr = config[bridgeKeys.ipv4Address.name] ?? '';
  const subnet = subnets.subnetOf(cidr);
  if (!subnet) return '';
  const leases = parseLeases(await host.files.readText(dnsmasq.files.leases).catch(() => ''));
  const own = leases.find((lease) => lease.hwaddr === hwaddr && !lease.address.includes(':'));
  if (own) return own.address;
  const reserved = await reservedAddresses(host, dnsmasq, hwaddr);
  if (reserved.own) return reserved.own;
  const taken = new Set([cidr.slice(0, cidr.indexOf('/')), ...leases.map((lease) => lease.address), ...reserved.others]);
  const { value: last } = subnets.lastAddress(subnet);
  for (let value = subnet.value + 2n; value < last; value++) {
    const address = subnets.formatIp({ family: 4, value });
    if (!taken.has(address)) return address;
  }
  throw new LxdError('internal', 'No free address is left in the network');
}

async function reservedAddresses(host: Host, dnsmasq: Dnsmasq, hwaddr: string): Promise<{ own: string | undefined; others: string[] }> {
  const names = await host.files.readdir(dnsmasq.files.hosts).catch(() => []);
  const lines = await Promise.all(names.map((name) => host.files.readText(`${dnsmasq.files.hosts}/${name}`).catch(() => '')));
  const entries = lines.map((line) => line.trim().split(',')).map(([mac, ...words]) => ({ mac, ipv4: words.find((word) => /^\d+(\.\d+){3}$/.test(word)) }));
  return { own: entries.find((entry) => entry.mac === hwaddr)?.ipv4, others: entries.flatMap(({ ipv4 }) => ipv4 ?? []) };
}
