import { ipv4Address, ipv4Cidr, ipv6Address, ipv6Cidr } from '../addresses.js';
import { validateConfig, type KeyTable } from '../key.js';
import { bool, listOf, mac, oneOf } from '../validators.js';
import { addressRange, bridgeAddress, bridgeMode, bridgeMtu, configText, domainName, externalInterface, leaseTime, openVswitch } from './network-validators.js';

/** Options of managed networks of type "bridge". */
export const bridgeKeys = {
  driver: { name: 'bridge.driver', type: 'string', description: 'Bridge implementation', validate: openVswitch, defaultValue: 'native', live: 'yes' },
  externalInterfaces: { name: 'bridge.external_interfaces', type: 'list', description: 'Host interfaces put into the bridge', validate: listOfNames, live: 'yes' },
  hwaddr: { name: 'bridge.hwaddr', type: 'string', description: 'MAC address of the bridge', validate: mac, live: 'yes' },
  mode: { name: 'bridge.mode', type: 'string', description: 'Operation mode', validate: bridgeMode, defaultValue: 'standard', live: 'yes' },
  mtu: { name: 'bridge.mtu', type: 'integer', description: 'MTU', validate: bridgeMtu, defaultValue: '1500', live: 'yes' },
  dnsDomain: { name: 'dns.domain', type: 'string', description: 'Domain given to clients', validate: domainName, defaultValue: 'lxd', live: 'yes' },
  dnsMode: { name: 'dns.mode', type: 'string', description: 'How DNS records are made', validate: oneOf('dynamic', 'managed', 'none'), defaultValue: 'managed', live: 'yes' },
  dnsSearch: { name: 'dns.search', type: 'list', description: 'Domains that clients search', validate: listOf(domainName), live: 'yes' },
  ipv4Address: { name: 'ipv4.address', type: 'string', description: 'IPv4 address of the bridge with its prefix length', validate: bridgeAddress(4), defaultValue: 'auto', live: 'yes', condition: 'the default holds on creation only' },
  ipv4Dhcp: { name: 'ipv4.dhcp', type: 'bool', description: 'Gives addresses by DHCP', validate: bool, defaultValue: 'true', live: 'yes', condition: 'ipv4.address' },
  ipv4DhcpExpiry: { name: 'ipv4.dhcp.expiry', type: 'string', description: 'How long a lease lasts', validate: leaseTime, defaultValue: '1h', live: 'yes', condition: 'ipv4.dhcp' },
  ipv4DhcpGateway: { name: 'ipv4.dhcp.gateway', type: 'string', description: 'Gateway given by DHCP instead of the bridge', validate: ipv4Address, live: 'yes', condition: 'ipv4.dhcp' },
  ipv4DhcpRanges: { name: 'ipv4.dhcp.ranges', type: 'list', description: 'Ranges that DHCP gives addresses from', validate: listOf(addressRange(4)), live: 'yes', condition: 'ipv4.dhcp' },
  ipv4Firewall: { name: 'ipv4.firewall', type: 'bool', description: 'Makes filter rules', validate: bool, defaultValue: 'true', live: 'yes', condition: 'ipv4.address' },
  ipv4Nat: { name: 'ipv4.nat', type: 'bool', description: 'Source NAT for traffic that leaves the network', validate: bool, defaultValue: 'false', live: 'yes', condition: 'ipv4.address' },
  ipv4NatAddress: { name: 'ipv4.nat.address', type: 'string', description: 'Source address of NAT', validate: ipv4Address, live: 'yes', condition: 'ipv4.nat' },
  ipv4NatOrder: { name: 'ipv4.nat.order', type: 'string', description: 'Where NAT stands among rules of others', validate: oneOf('before', 'after'), defaultValue: 'before', live: 'yes', condition: 'ipv4.nat' },
  ipv4Routes: { name: 'ipv4.routes', type: 'list', description: 'Further subnets routed to the bridge', validate: listOf(ipv4Cidr), live: 'yes', condition: 'ipv4.address' },
  ipv4Routing: { name: 'ipv4.routing', type: 'bool', description: 'Forwards traffic to and from the network', validate: bool, defaultValue: 'true', live: 'yes', condition: 'ipv4.address' },
  ipv6Address: { name: 'ipv6.address', type: 'string', description: 'IPv6 address of the bridge with its prefix length', validate: bridgeAddress(6), defaultValue: 'auto', live: 'yes', condition: 'the default holds on creation only' },
  ipv6Dhcp: { name: 'ipv6.dhcp', type: 'bool', description: 'Gives more than a prefix by DHCP', validate: bool, defaultValue: 'true', live: 'yes', condition: 'ipv6.address' },
  ipv6DhcpExpiry: { name: 'ipv6.dhcp.expiry', type: 'string', description: 'How long a lease lasts', validate: leaseTime, defaultValue: '1h', live: 'yes', condition: 'ipv6.dhcp' },
  ipv6DhcpRanges: { name: 'ipv6.dhcp.ranges', type: 'list', description: 'Ranges that DHCP gives addresses from', validate: listOf(addressRange(6)), live: 'yes', condition: 'ipv6.dhcp.stateful' },
  ipv6DhcpStateful: { name: 'ipv6.dhcp.stateful', type: 'bool', description: 'Gives addresses by DHCP', validate: bool, defaultValue: 'false', live: 'yes', condition: 'ipv6.dhcp' },
  ipv6Firewall: { name: 'ipv6.firewall', type: 'bool', description: 'Makes filter rules', validate: bool, defaultValue: 'true', live: 'yes', condition: 'ipv6.address' },
  ipv6Nat: { name: 'ipv6.nat', type: 'bool', description: 'Source NAT for traffic that leaves the network', validate: bool, defaultValue: 'false', live: 'yes', condition: 'ipv6.address' },
  ipv6NatAddress: { name: 'ipv6.nat.address', type: 'string', description: 'Source address of NAT', validate: ipv6Address, live: 'yes', condition: 'ipv6.nat' },
  ipv6NatOrder: { name: 'ipv6.nat.order', type: 'string', description: 'Where NAT stands among rules of others', validate: oneOf('before', 'after'), defaultValue: 'before', live: 'yes', condition: 'ipv6.nat' },
  ipv6Routes: { name: 'ipv6.routes', type: 'list', description: 'Further subnets routed to the bridge', validate: listOf(ipv6Cidr), live: 'yes', condition: 'ipv6.address' },
  ipv6Routing: { name: 'ipv6.routing', type: 'bool', description: 'Forwards traffic to and from the network', validate: bool, defaultValue: 'true', live: 'yes', condition: 'ipv6.address' },
  rawDnsmasq: { name: 'raw.dnsmasq', type: 'blob', description: 'Further dnsmasq configuration', validate: configText, live: 'yes' },
  user: { name: 'user.*', type: 'string', description: 'Free metadata', live: 'yes' },
} satisfies KeyTable;

/** Keys of networks that every member of a cluster has for itself. */
export const memberNetworkKeys: ReadonlySet<string> = new Set([bridgeKeys.externalInterfaces.name, 'parent']);

/** The sentence that refuses a bridge's configuration, or undefined. */
export function invalidBridgeConfig(network: string, config: Readonly<Record<string, string>>): string | undefined {
  const subject = (key: string): string => `network ${JSON.stringify(network)} option ${JSON.stringify(key)}`;
  return validateConfig(bridgeKeys, config, {
    unknown: (key) => `Invalid option for ${subject(key)}`,
    invalid: (key, reason) => `Invalid value for ${subject(key)}: ${reason}`,
  });
}

/** External interfaces are refused without the list's "Item ...". */
function listOfNames(value: string): string | undefined {
  return value.split(',').map((name) => externalInterface(name.trim())).find((reason) => reason !== undefined);
}
