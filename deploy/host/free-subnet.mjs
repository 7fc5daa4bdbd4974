// Finds what a first network may be called and which addresses it may take, from what the host knows already.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** lxdbr0, or the next name no interface has. */
export function freeBridgeName() {
  for (let number = 0; ; number++) if (!existsSync(`/sys/class/net/lxdbr${number}`)) return `lxdbr${number}`;
}

/** The gateway address of a /24 inside 10.0.0.0/8 that no route and no address of the host touches, e.g. "10.42.7.1/24". */
export function freeSubnet(taken = takenRanges()) {
  for (let step = 0; step < 65_536; step++) {
    // A walk through all 256 x 256 subnets that starts far from 10.0.0.0 and never twice at one of them.
    const index = (step * 40_503 + 24_832) % 65_536;
    const first = ((10 << 24) | (index << 8)) >>> 0;
    if (!taken.some((range) => range.first <= first + 255 && first <= range.last)) return `10.${index >> 8}.${index & 255}.1/24`;
  }
  throw new Error('every subnet of 10.0.0.0/8 is in use on this host: create a network by hand with an ipv4.address of your choice');
}

/** Ranges of IPv4 addresses that the host routes somewhere or has itself; a default route covers nothing. */
function takenRanges() {
  const ip = (...args) => JSON.parse(execFileSync('ip', ['-j', '-4', ...args], { encoding: 'utf8' }) || '[]');
  const routes = ip('route', 'show', 'table', 'all').map((route) => route.dst);
  const addresses = ip('address', 'show').flatMap((link) => (link.addr_info ?? []).map((address) => `${address.local}/${address.prefixlen}`));
  return [...routes, ...addresses].filter((text) => text && text !== 'default' && text !== '0.0.0.0/0').map(parseRange).filter(Boolean);
}

export function parseRange(text) {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)(?:\/(\d+))?$/.exec(text);
  if (!match) return undefined;
  const address = ((Number(match[1]) << 24) | (Number(match[2]) << 16) | (Number(match[3]) << 8) | Number(match[4])) >>> 0;
  const size = 2 ** (32 - Number(match[5] ?? 32));
  const first = address - (address % size);
  return { first, last: first + size - 1 };
}
