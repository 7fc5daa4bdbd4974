import { randomInt } from 'node:crypto';
import { bridgeKeys, subnets } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';

type Config = Readonly<Record<string, string>>;

const attempts = 10_000;

/** What the members' hosts know of subnets. */
export interface UsedSubnets {
  /** Those that some member has an address in or a route to. */
  cidrs: readonly string[];
  hasIpv6: boolean;
}

/** What a new bridge gets where its configuration says nothing: addresses of its own, behind NAT, of the families that the hosts have. */
export function withDefaults(config: Config, { hasIpv6 }: Pick<UsedSubnets, 'hasIpv6'>): Record<string, string> {
  const filled: Record<string, string> = { ...config };
  const { ipv4Address, ipv4Nat, ipv6Address, ipv6Nat } = bridgeKeys;
  for (const [address, nat] of [[ipv4Address, ipv4Nat], [ipv6Address, ipv6Nat]] as const) {
    if (address === ipv6Address && !hasIpv6) continue;
    filled[address.name] ||= 'auto';
    if (filled[address.name] === 'auto') filled[nat.name] ||= 'true';
  }
  return filled;
}

/** Whether an address is to be found: said, or for a new bridge left open. */
export function wantsAddress(config: Config, isNew = false): boolean {
  return [bridgeKeys.ipv4Address, bridgeKeys.ipv6Address].some((key) => config[key.name] === 'auto' || (isNew && !config[key.name]));
}

/** Puts a free subnet's first address where "auto" stands. */
export function withAddresses(config: Config, { cidrs }: Pick<UsedSubnets, 'cidrs'>): Record<string, string> {
  const taken = cidrs.flatMap((cidr) => subnets.subnetOf(cidr) ?? []);
  const filled: Record<string, string> = { ...config };
  if (filled[bridgeKeys.ipv4Address.name] === 'auto') filled[bridgeKeys.ipv4Address.name] = freeAddress(taken, 'IPv4', () => `10.${randomInt(256)}.${randomInt(256)}.1/24`);
  if (filled[bridgeKeys.ipv6Address.name] === 'auto') filled[bridgeKeys.ipv6Address.name] = freeAddress(taken, 'IPv6', () => `fd42:${hex()}:${hex()}:${hex()}::1/64`);
  return filled;
}

function freeAddress(taken: readonly subnets.Subnet[], family: string, draw: () => string): string {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const candidate = draw();
    const subnet = subnets.subnetOf(candidate)!;
    if (!taken.some((other) => other.prefix > 0 && subnets.overlap(other, subnet))) return candidate;
  }
  throw new LxdError('internal', `Failed generating auto config: Failed to automatically find an unused ${family} subnet, manual configuration required`);
}

function hex(): string {
  return randomInt(1, 0x10000).toString(16);
}
