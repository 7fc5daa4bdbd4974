import { subnets } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { BridgeWish } from './bridge-wish.js';

/** Where one network's dnsmasq keeps its files. */
export interface DnsmasqFiles {
  directory: string;
  /** One file per nic with what dnsmasq shall know of it. */
  hosts: string;
  leases: string;
  raw: string;
  /** Written by dnsmasq once it listens. */
  ready: string;
  log: string;
  /** The running process and the words it was started with. */
  handle: string;
}

export function dnsmasqFiles(stateDir: string, network: string): DnsmasqFiles {
  const directory = `${stateDir}/networks/${network}`;
  return {
    directory,
    hosts: `${directory}/dnsmasq.hosts`,
    leases: `${directory}/dnsmasq.leases`,
    raw: `${directory}/dnsmasq.raw`,
    ready: `${directory}/dnsmasq.ready`,
    log: `${directory}/dnsmasq.log`,
    handle: `${directory}/dnsmasq.pid`,
  };
}

/** Whether the network has anything that dnsmasq serves. */
export function wantsDnsmasq(wish: BridgeWish): boolean {
  return wish.ipv4 !== undefined || wish.ipv6 !== undefined;
}

/** The command line of a network's DHCP and DNS server. */
export function dnsmasqArguments(wish: BridgeWish, files: DnsmasqFiles): [string, ...string[]] {
  const { ipv4, ipv6, dns } = wish;
  const words = [
    '--keep-in-foreground',
    '--strict-order',
    '--bind-interfaces',
    '--except-interface=lo',
    `--pid-file=${files.ready}`,
    '--no-ping',
    `--interface=${wish.name}`,
    '--dhcp-rapid-commit',
  ];
  if (ipv4) words.push(`--listen-address=${ipv4.address}`);
  if (ipv4?.dhcp || ipv6?.dhcp) words.push('--dhcp-no-override', '--dhcp-authoritative', `--dhcp-leasefile=${files.leases}`, `--dhcp-hostsfile=${files.hosts}`);
  if (ipv4?.dhcp) words.push(...ipv4Ranges(wish, ipv4));
  if (ipv6) words.push(`--listen-address=${ipv6.address}`, '--enable-ra', ...ipv6Ranges(wish, ipv6));
  if (dns.mode !== 'none') words.push('-s', dns.domain, '--interface-name', `_gateway.${dns.domain},${wish.name}`, '-S', `/${dns.domain}/`);
  words.push(`--conf-file=${files.raw}`, '-u', 'nobody', '-g', 'nogroup');
  const strange = words.find((word) => /[\u0000-\u001f\u007f]/.test(word));
  if (strange !== undefined) throw new LxdError('bad-request', `Invalid characters in ${JSON.stringify(strange)}`);
  return ['dnsmasq', ...words];
}

function ipv4Ranges(wish: BridgeWish, ipv4: NonNullable<BridgeWish['ipv4']>): string[] {
  const words: string[] = [];
  if (ipv4.gateway) words.push(`--dhcp-option-force=3,${ipv4.gateway}`);
  if (wish.mtu !== undefined && wish.mtu !== 1500) words.push(`--dhcp-option-force=26,${wish.mtu}`);
  if (wish.dns.search) words.push(`--dhcp-option-force=119,${wish.dns.search}`);
  for (const [first, last] of ipv4.dhcpRanges.length > 0 ? ipv4.dhcpRanges : [wholeRange(ipv4.subnet)]) words.push('--dhcp-range', `${first},${last},${ipv4.dhcpExpiry}`);
  return words;
}

function ipv6Ranges(wish: BridgeWish, ipv6: NonNullable<BridgeWish['ipv6']>): string[] {
  if (!ipv6.dhcp) return ['--dhcp-range', `::,constructor:${wish.name},ra-only`];
  if (!ipv6.stateful) return ['--dhcp-range', `::,constructor:${wish.name},ra-stateless,ra-names`];
  const ranges = ipv6.dhcpRanges.length > 0 ? ipv6.dhcpRanges : [wholeRange(ipv6.subnet)];
  return ranges.flatMap(([first, last]) => ['--dhcp-range', `${first},${last},${ipv6.subnet.prefix},${ipv6.dhcpExpiry}`]);
}

/** From the second address on; of IPv4 without the broadcast address. */
function wholeRange(subnet: subnets.Subnet): [string, string] {
  const last = subnets.lastAddress(subnet);
  const end = subnet.family === 4 ? last.value - 1n : last.value;
  return [subnets.formatIp({ ...subnet, value: subnet.value + 2n }), subnets.formatIp({ ...last, value: end })];
}
