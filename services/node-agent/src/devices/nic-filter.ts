import { addresses, isTrue, nicBridgedKeys, subnets, validators } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { Host } from '../host/host.js';
import { linkName } from '../networks/links.js';

/** What may come from a nic: only what is its own. */
export interface NicFilter {
  /** The host's end. */
  link: string;
  hwaddr: string;
  mac: boolean;
  filterIpv4: boolean;
  filterIpv6: boolean;
  ipv4?: string;
  ipv6?: string;
}

/** Links that got a table in this process: a change that failed half-way leaves one that no option tells of. */
const filtered = new Set<string>();

export async function applyFilter(host: Host, filter: NicFilter): Promise<void> {
  filtered.add(filter.link);
  await host.exec(['nft', '-f', '-'], { input: filterScript(filter) });
}

export function isFiltered({ mac, filterIpv4, filterIpv6 }: NicFilter): boolean {
  return mac || filterIpv4 || filterIpv6;
}

/** `options` as the nic had them: without filters there is nothing to look for, unless this process made a table. */
export async function removeFilter(host: Host, link: string, options: Readonly<Record<string, string>>): Promise<void> {
  const { securityMacFiltering, securityIpv4Filtering, securityIpv6Filtering } = nicBridgedKeys;
  const isTold = [securityMacFiltering, securityIpv4Filtering, securityIpv6Filtering].some((key) => isTrue(options[key.name]));
  if (!filtered.delete(link) && !isTold) return;
  await removeTable(host, link);
}

async function removeTable(host: Host, link: string): Promise<void> {
  await host.exec(['nft', '-f', '-'], { input: `add table ${tableOf(link)}\ndelete table ${tableOf(link)}\n` });
}

/** Tables whose link is gone, whoever made them: of a start that was killed, or of a change that a forced stop overtook. */
export async function sweepFilters(host: Host): Promise<void> {
  const { stdout } = await host.exec(['nft', 'list', 'tables', 'bridge']);
  const links = [...stdout.matchAll(/^table bridge asterism\.(\S+)$/gm)].map(([, link]) => link!);
  for (const link of links) if (!(await host.links.exists(link))) await removeTable(host, link);
}

function tableOf(link: string): string {
  return `bridge asterism.${linkName(link)}`;
}

function requireValid({ hwaddr, ipv4, ipv6 }: NicFilter): void {
  const reason = validators.mac(hwaddr) ?? (ipv4 === undefined ? undefined : addresses.ipv4Address(ipv4)) ?? (ipv6 === undefined ? undefined : addresses.ipv6Address(ipv6));
  if (reason !== undefined) throw new LxdError('bad-request', reason);
}

/** Replaces the nic's table in one transaction; without filters none is left. */
export function filterScript(filter: NicFilter): string {
  const table = tableOf(filter.link);
  if (isFiltered(filter)) requireValid(filter);
  const rules = filterRules(filter).map((rule) => `\t\tiifname "${filter.link}" ${rule}\n`);
  const chain = (name: string, hook: string): string => `\tchain ${name} {\n\t\ttype filter hook ${hook} priority -200; policy accept;\n${rules.join('')}\t}\n`;
  const body = rules.length === 0 ? '' : `table ${table} {\n${chain('incoming', 'input')}${chain('forwarding', 'forward')}}\n`;
  return `add table ${table}\ndelete table ${table}\n${body}`;
}

/** Nothing is accepted early but the client's side of DHCP, and that only after its MAC was checked: in the frame and inside the request. */
function filterRules(filter: NicFilter): string[] {
  return [...(isFiltered(filter) ? macRules(filter.hwaddr) : []), ...(filter.filterIpv4 ? ipv4Rules(filter.ipv4) : []), ...(filter.filterIpv6 ? ipv6Rules(filter.ipv6) : []), ...otherFrames(filter)];
}

function macRules(hwaddr: string): string[] {
  const hex = `0x${hwaddr.replaceAll(':', '')}`;
  return [
    `ether saddr != ${hwaddr} drop`,
    `ether type arp arp saddr ether != ${hwaddr} drop`,
    `ether type ip6 icmpv6 type nd-neighbor-advert @nh,528,48 != ${hex} drop`,
    `ether type ip udp dport 67 @th,288,48 != ${hex} drop`,
  ];
}

function ipv4Rules(address: string | undefined): string[] {
  if (address === undefined) return ['ether type arp drop', 'ether type ip drop'];
  return [
    'ether type ip ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept',
    `ether type arp arp saddr ip != ${address} drop`,
    `ether type ip ip saddr != ${address} drop`,
  ];
}

function ipv6Rules(address: string | undefined): string[] {
  if (address === undefined) return ['ether type ip6 drop'];
  return [
    'ether type ip6 icmpv6 type nd-router-advert drop',
    'ether type ip6 ip6 saddr fe80::/10 ip6 daddr ff02::1:2 udp dport 547 accept',
    'ether type ip6 ip6 saddr fe80::/10 ip6 daddr ff02::2 icmpv6 type nd-router-solicit accept',
    `ether type ip6 icmpv6 type nd-neighbor-advert @nh,384,128 != 0x${subnets.parseIp(address).value.toString(16).padStart(32, '0')} drop`,
    `ether type ip6 ip6 saddr != ${address} drop`,
  ];
}

/** With both families filtered nothing else may pass either. */
function otherFrames({ filterIpv4, filterIpv6 }: NicFilter): string[] {
  return filterIpv4 && filterIpv6 ? ['ether type != { arp, ip, ip6 } drop'] : [];
}
