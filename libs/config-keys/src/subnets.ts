import { isIpv4, parseCidr } from './addresses.js';

/** An address as a number of its family. */
export interface Ip {
  family: 4 | 6;
  value: bigint;
}

export interface Subnet extends Ip {
  prefix: number;
}

const bitsOf = (family: 4 | 6): number => (family === 4 ? 32 : 128);

/** The text must be an address already (see `isIpv4`, `isIpv6`). */
export function parseIp(text: string): Ip {
  if (isIpv4(text)) return { family: 4, value: BigInt(text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)) };
  const [head = '', tail] = text.split('::');
  const groups = (half: string): bigint[] => half.split(':').flatMap((group) => (group === '' ? [] : group.includes('.') ? halves(group) : [BigInt(`0x${group}`)]));
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const all = [...left, ...Array<bigint>(8 - left.length - right.length).fill(0n), ...right];
  return { family: 6, value: all.reduce((sum, group) => (sum << 16n) | group, 0n) };
}

function halves(ipv4: string): bigint[] {
  const { value } = parseIp(ipv4);
  return [value >> 16n, value & 0xffffn];
}

/** IPv6 in its short form (RFC 5952). */
export function formatIp({ family, value }: Ip): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16));
  const zeros = longestZeros(groups);
  if (zeros.length < 2) return groups.join(':');
  return `${groups.slice(0, zeros.start).join(':')}::${groups.slice(zeros.start + zeros.length).join(':')}`;
}

function longestZeros(groups: readonly string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === '0') length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

/** The subnet an address with prefix length stands in ("10.0.0.1/24" is 10.0.0.0/24); undefined where the text is none. */
export function subnetOf(cidr: string): Subnet | undefined {
  const parsed = parseCidr(cidr);
  if (!parsed) return undefined;
  const { family, value } = parseIp(parsed.address);
  const host = BigInt(bitsOf(family) - parsed.prefix);
  return { family, prefix: parsed.prefix, value: (value >> host) << host };
}

export function formatSubnet(subnet: Subnet): string {
  return `${formatIp(subnet)}/${subnet.prefix}`;
}

export function lastAddress(subnet: Subnet): Ip {
  return { family: subnet.family, value: subnet.value | ((1n << BigInt(bitsOf(subnet.family) - subnet.prefix)) - 1n) };
}

export function contains(subnet: Subnet, ip: Ip): boolean {
  return subnet.family === ip.family && ip.value >= subnet.value && ip.value <= lastAddress(subnet).value;
}

export function overlap(one: Subnet, other: Subnet): boolean {
  return contains(one, other) || contains(other, one);
}

/** The address that stateless autoconfiguration gives a MAC in a /64 (EUI-64). */
export function eui64Address(subnet: Subnet, hwaddr: string): string {
  const bytes = hwaddr.split(':').map((byte) => BigInt(`0x${byte}`));
  const id = [bytes[0]! ^ 2n, bytes[1]!, bytes[2]!, 0xffn, 0xfen, bytes[3]!, bytes[4]!, bytes[5]!];
  return formatIp({ family: 6, value: subnet.value | id.reduce((sum, byte) => (sum << 8n) | byte, 0n) });
}
