import { subnets } from '@asterism/config-keys';
import type { Host } from '../host/host.js';
import type { BridgeWish, FamilyWish } from './bridge-wish.js';

/** Each network has a table of its own, named after the link: nothing is shared, and deleting the table takes all rules along. */
function tableOf(network: string): string {
  return `inet asterism.${network}`;
}

export async function applyFirewall(host: Host, wish: BridgeWish): Promise<void> {
  await host.exec(['nft', '-f', '-'], { input: firewallScript(wish) });
}

export async function removeFirewall(host: Host, network: string): Promise<void> {
  await host.exec(['nft', '-f', '-'], { input: `add table ${tableOf(network)}\ndelete table ${tableOf(network)}\n` });
}

/** Networks that have a table. */
export async function firewallTables(host: Host): Promise<Set<string>> {
  const { stdout } = await host.exec(['nft', 'list', 'tables', 'inet']);
  return new Set([...stdout.matchAll(/^table inet asterism\.(\S+)$/gm)].map(([, network]) => network!));
}

export function hasFirewall(wish: BridgeWish): boolean {
  return chainsOf(wish).length > 0;
}

function chainsOf(wish: BridgeWish): string[] {
  return [postrouting(wish), forward(wish), input(wish), output(wish)].filter((chain) => chain !== '');
}

/** Replaces the network's table in one transaction; leaves none where it would be empty. */
export function firewallScript(wish: BridgeWish): string {
  const table = tableOf(wish.name);
  const chains = chainsOf(wish);
  const body = chains.length === 0 ? '' : `table ${table} {\n${chains.join('\n')}}\n`;
  return `add table ${table}\ndelete table ${table}\n${body}`;
}

const error4 = '{ destination-unreachable, time-exceeded, parameter-problem }';
const in6 = '{ destination-unreachable, packet-too-big, time-exceeded, parameter-problem, nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert, mld2-listener-report }';
const out6 = '{ destination-unreachable, packet-too-big, time-exceeded, parameter-problem, echo-request, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, mld2-listener-report }';

function chain(name: string, hook: string, rules: string[]): string {
  return rules.length === 0 ? '' : `\tchain ${name} {\n\t\ttype ${hook}; policy accept;\n${rules.map((rule) => `\t\t${rule}\n`).join('')}\t}\n`;
}

/** Beside the rules of others, which stand at "srcnat": before them, or after as "ipv4.nat.order" may say. */
function postrouting(wish: BridgeWish): string {
  const families = [['ip', wish.ipv4] as const, ['ip6', wish.ipv6] as const];
  const rules = (after: boolean): string[] => families.flatMap(([protocol, family]) => (family?.nat && family.natAfter === after ? [sourceNat(protocol, family)] : []));
  return chain('masquerading', 'nat hook postrouting priority srcnat - 1', rules(false)) + chain('masquerading-after', 'nat hook postrouting priority srcnat + 1', rules(true));
}

function sourceNat(protocol: 'ip' | 'ip6', family: FamilyWish): string {
  const subnet = subnets.formatSubnet(family.subnet);
  const target = family.natAddress === undefined ? 'masquerade' : `snat ${protocol} to ${family.natAddress}`;
  return `${protocol} saddr ${subnet} ${protocol} daddr != ${subnet} ${target}`;
}

function forward(wish: BridgeWish): string {
  const rules = (match: string, reject: string, family: FamilyWish | undefined): string[] => {
    if (!family || (family.forward && !family.firewall)) return [];
    const verdict = family.forward ? 'accept' : reject;
    return ['oifname', 'iifname'].map((side) => `${match} ${side} "${wish.name}" ${verdict}`);
  };
  return chain('forwarding', 'filter hook forward priority filter', [
    ...rules('ip version 4', 'reject', wish.ipv4),
    ...rules('ip6 version 6', 'reject', wish.ipv6),
  ]);
}

function input(wish: BridgeWish): string {
  return chain('incoming', 'filter hook input priority filter', services(wish, { side: 'iifname', port: 'dport', types6: in6 }));
}

function output(wish: BridgeWish): string {
  return chain('outgoing', 'filter hook output priority filter', services(wish, { side: 'oifname', port: 'sport', types6: out6 }));
}

/** DNS and DHCP of the bridge, and what IP itself needs. */
function services(wish: BridgeWish, { side, port, types6 }: { side: string; port: string; types6: string }): string[] {
  const on = `${side} "${wish.name}"`;
  const four = wish.ipv4?.firewall ?? false;
  const six = wish.ipv6?.firewall ?? false;
  return [
    ...(four || six ? [`${on} tcp ${port} 53 accept`, `${on} udp ${port} 53 accept`] : []),
    ...(four ? [`${on} icmp type ${error4} accept`] : []),
    ...(four && wish.ipv4?.dhcp ? [`${on} udp ${port} 67 accept`] : []),
    ...(six ? [`${on} icmpv6 type ${types6} accept`] : []),
    ...(six && wish.ipv6?.dhcp ? [`${on} udp ${port} 547 accept`] : []),
  ];
}
