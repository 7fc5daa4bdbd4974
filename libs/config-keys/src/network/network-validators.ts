import { isIpv4, isIpv6, parseCidr } from '../addresses.js';
import { formatIp, parseIp, subnetOf } from '../subnets.js';
import { interfaceName, type Validator } from '../validators.js';

const quote = (value: string): string => JSON.stringify(value);

/** "none", "auto" or an address with its prefix length that a host may have. */
export function bridgeAddress(family: 4 | 6): Validator {
  return (value) => {
    if (value === 'none' || value === 'auto') return undefined;
    const parsed = parseCidr(value);
    if (!parsed) return `invalid CIDR address: ${value}`;
    if (parsed.family !== family) return `Not an IPv${family} address ${quote(value)}`;
    const subnet = subnetOf(value)!;
    return formatIp(subnet) === formatIp(parseIp(parsed.address)) ? `Not a usable IPv${family} address ${quote(value)}` : undefined;
  };
}

/** One "first-last" of a list of ranges. */
export function addressRange(family: 4 | 6): Validator {
  const isAddress = family === 4 ? isIpv4 : isIpv6;
  return (value) => {
    const ends = value.split('-');
    if (ends.length !== 2) return 'IP range must contain start and end IP addresses';
    const wrong = ends.find((end) => !isAddress(end));
    return wrong === undefined ? undefined : `Not an IPv${family} address ${quote(wrong)}`;
  };
}

export const externalInterface: Validator = (value) => {
  const reason = interfaceName(value);
  return reason === undefined ? undefined : `Invalid interface name ${quote(value)}: ${reason}`;
};

/** The reference wants 1280 of every bridge, with IPv6 or without. */
export const bridgeMtu: Validator = (value) => {
  if (!/^\d+$/.test(value)) return `Invalid MTU ${quote(value)}`;
  return Number(value) < 1280 || Number(value) > 16384 ? `Out of MTU range (1280-16384) ${quote(value)}` : undefined;
};

/** How long a DHCP lease lasts, as dnsmasq reads it. */
export const leaseTime: Validator = (value) => (/^(\d+[smhdw]?|infinite)$/.test(value) ? undefined : `Invalid lease time ${quote(value)}`);

/** A DNS name; the words of a generated command line are made of it. */
export const domainName: Validator = (value) => (/^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*$/.test(value) ? undefined : `Invalid domain name ${quote(value)}`);

export const openVswitch: Validator = (value) => {
  if (value === 'openvswitch') return 'Open vSwitch bridges are not supported';
  return value === 'native' ? undefined : `Invalid value ${quote(value)} (not one of [native openvswitch])`;
};

export const bridgeMode: Validator = (value) => {
  if (value === 'fan') return 'Fan bridges are not supported';
  return value === 'standard' ? undefined : `Invalid value ${quote(value)} (not one of [standard fan])`;
};

/** Text that is copied into a configuration file: lines are welcome, other control characters are not. */
export const configText: Validator = (value) => (/^[^\u0000-\u0008\u000b-\u001f\u007f]*$/.test(value) ? undefined : 'Value contains control characters');
