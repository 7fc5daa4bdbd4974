import type { Validator } from './validators.js';

const quote = (value: string): string => JSON.stringify(value);

/** Whether the text is a dotted IPv4 address; leading zeros are refused as Go's net package does. */
export function isIpv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

/** Whether the text is an IPv6 address without zone. */
export function isIpv6(text: string): boolean {
  if (!/^[0-9a-fA-F:.]+$/.test(text) || !text.includes(':')) return false;
  const halves = text.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  const last = groups.at(-1);
  const embedded = last?.includes('.') ?? false;
  if (embedded && !isIpv4(last ?? '')) return false;
  const hex = embedded ? groups.slice(0, -1) : groups;
  const count = hex.length + (embedded ? 2 : 0);
  return hex.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group)) && (halves.length === 2 ? count < 8 : count === 8);
}

interface Cidr {
  address: string;
  prefix: number;
  family: 4 | 6;
}

export function parseCidr(text: string): Cidr | undefined {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const address = match?.[1] ?? '';
  const prefix = Number(match?.[2] ?? NaN);
  if (isIpv4(address) && prefix <= 32) return { address, prefix, family: 4 };
  if (isIpv6(address) && prefix <= 128) return { address, prefix, family: 6 };
  return undefined;
}

function address(family: 4 | 6): Validator {
  return (value) => ((family === 4 ? isIpv4(value) : isIpv6(value)) ? undefined : `Not an IPv${family} address ${quote(value)}`);
}

function cidr(family: 4 | 6): Validator {
  return (value) => {
    const parsed = parseCidr(value);
    if (!parsed) return `invalid CIDR address: ${value}`;
    return parsed.family === family ? undefined : `Not an IPv${family} address ${quote(value)}`;
  };
}

export const ipv4Address = address(4);
export const ipv6Address = address(6);
export const anyAddress: Validator = (value) => (isIpv4(value) || isIpv6(value) ? undefined : `Not an IP address ${quote(value)}`);
/** An address with its prefix length: "10.0.0.1/24". */
export const ipv4Cidr = cidr(4);
export const ipv6Cidr = cidr(6);
