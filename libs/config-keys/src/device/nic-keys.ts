import type { KeyTable } from '../key.js';
import { ipv4Address, ipv4Cidr, ipv6Address, ipv6Cidr } from '../addresses.js';
import { bool, either, interfaceName, listOf, mac, mtu, oneOf, uint32, vlan } from '../validators.js';
import { gatewayMode } from './device-validators.js';

/** Options of nic:bridged devices (for container, VM). */
export const nicBridgedKeys = {
  parent: { name: 'parent', type: 'string', description: 'Host interface the NIC is built on', live: 'no', condition: 'taken from the network when network= is used' },
  network: { name: 'network', type: 'string', description: 'Managed network to attach to instead of a parent', live: 'no' },
  name: { name: 'name', type: 'string', description: 'Interface name inside the instance', validate: interfaceName, live: 'no' },
  mtu: { name: 'mtu', type: 'integer', description: 'MTU of the interface', validate: mtu, live: 'no', condition: 'taken from the network when network= is used' },
  hwaddr: { name: 'hwaddr', type: 'string', description: 'MAC address', validate: mac, live: 'no' },
  hostName: { name: 'host_name', type: 'string', description: 'Interface name on the host side', live: 'no' },
  limitsIngress: { name: 'limits.ingress', type: 'string', description: 'Rate limit of traffic to the instance (bit/s)', live: 'yes' },
  limitsEgress: { name: 'limits.egress', type: 'string', description: 'Rate limit of traffic from the instance (bit/s)', live: 'yes' },
  limitsMax: { name: 'limits.max', type: 'string', description: 'Sets ingress and egress together (bit/s)', live: 'yes' },
  ipv4Address: { name: 'ipv4.address', type: 'string', description: 'IPv4 address of the NIC', validate: ipv4Address, live: 'yes' },
  ipv6Address: { name: 'ipv6.address', type: 'string', description: 'IPv6 address of the NIC', validate: ipv6Address, live: 'yes' },
  ipv4Routes: { name: 'ipv4.routes', type: 'list', description: 'IPv4 subnets routed to the NIC', validate: listOf(ipv4Cidr), live: 'yes' },
  ipv6Routes: { name: 'ipv6.routes', type: 'list', description: 'IPv6 subnets routed to the NIC', validate: listOf(ipv6Cidr), live: 'yes' },
  securityMacFiltering: { name: 'security.mac_filtering', type: 'bool', description: 'Drop frames with a foreign source MAC', defaultValue: 'false', live: 'yes' },
  securityIpv4Filtering: { name: 'security.ipv4_filtering', type: 'bool', description: 'Drop traffic with a foreign IPv4 source', defaultValue: 'false', live: 'yes' },
  securityIpv6Filtering: { name: 'security.ipv6_filtering', type: 'bool', description: 'Drop traffic with a foreign IPv6 source and router adverts', defaultValue: 'false', live: 'yes' },
  maasSubnetIpv4: { name: 'maas.subnet.ipv4', type: 'string', description: 'MAAS IPv4 subnet to register in', live: 'no', condition: 'taken from the network when network= is used' },
  maasSubnetIpv6: { name: 'maas.subnet.ipv6', type: 'string', description: 'MAAS IPv6 subnet to register in', live: 'no', condition: 'taken from the network when network= is used' },
  bootPriority: { name: 'boot.priority', type: 'integer', description: 'VM boot order, higher first', validate: uint32, live: 'no', condition: 'VM' },
  vlan: { name: 'vlan', type: 'integer', description: 'VLAN id', validate: either(oneOf('none'), vlan), live: 'no' },
  vlanTagged: { name: 'vlan.tagged', type: 'integer', description: 'VLAN ids joined tagged', live: 'no' },
  securityPortIsolation: { name: 'security.port_isolation', type: 'bool', description: 'No traffic to other isolated ports', validate: bool, defaultValue: 'false', live: 'no' },
} satisfies KeyTable;

/** Options of nic:macvlan devices (for container, VM). */
export const nicMacvlanKeys = {
  parent: { name: 'parent', type: 'string', description: 'Host interface the NIC is built on', live: 'no', condition: 'taken from the network when network= is used' },
  network: { name: 'network', type: 'string', description: 'Managed network to attach to instead of a parent', live: 'no' },
  name: { name: 'name', type: 'string', description: 'Interface name inside the instance', validate: interfaceName, live: 'no' },
  mtu: { name: 'mtu', type: 'integer', description: 'MTU of the interface', validate: mtu, live: 'no', condition: 'taken from the network when network= is used' },
  hwaddr: { name: 'hwaddr', type: 'string', description: 'MAC address', validate: mac, live: 'no' },
  vlan: { name: 'vlan', type: 'integer', description: 'VLAN id', validate: vlan, live: 'no' },
  gvrp: { name: 'gvrp', type: 'bool', description: 'Announce the VLAN by GVRP', validate: bool, defaultValue: 'false', live: 'no' },
  maasSubnetIpv4: { name: 'maas.subnet.ipv4', type: 'string', description: 'MAAS IPv4 subnet to register in', live: 'no', condition: 'taken from the network when network= is used' },
  maasSubnetIpv6: { name: 'maas.subnet.ipv6', type: 'string', description: 'MAAS IPv6 subnet to register in', live: 'no', condition: 'taken from the network when network= is used' },
  bootPriority: { name: 'boot.priority', type: 'integer', description: 'VM boot order, higher first', validate: uint32, live: 'no', condition: 'VM' },
} satisfies KeyTable;

/** Options of nic:sriov devices (for container, VM). */
export const nicSriovKeys = {
  parent: { name: 'parent', type: 'string', description: 'Host interface the NIC is built on', live: 'no', condition: 'taken from the network when network= is used' },
  network: { name: 'network', type: 'string', description: 'Managed network to attach to instead of a parent', live: 'no' },
  name: { name: 'name', type: 'string', description: 'Interface name inside the instance', validate: interfaceName, live: 'no' },
  mtu: { name: 'mtu', type: 'integer', description: 'MTU of the interface', validate: mtu, live: 'no', condition: 'container only (code); taken from the network when network= is used' },
  hwaddr: { name: 'hwaddr', type: 'string', description: 'MAC address', validate: mac, live: 'no' },
  securityMacFiltering: { name: 'security.mac_filtering', type: 'bool', description: 'Drop frames with a foreign source MAC', defaultValue: 'false', live: 'no' },
  vlan: { name: 'vlan', type: 'integer', description: 'VLAN id', validate: vlan, live: 'no' },
  maasSubnetIpv4: { name: 'maas.subnet.ipv4', type: 'string', description: 'MAAS IPv4 subnet to register in', live: 'no', condition: 'taken from the network when network= is used' },
  maasSubnetIpv6: { name: 'maas.subnet.ipv6', type: 'string', description: 'MAAS IPv6 subnet to register in', live: 'no', condition: 'taken from the network when network= is used' },
  bootPriority: { name: 'boot.priority', type: 'integer', description: 'VM boot order, higher first', validate: uint32, live: 'no', condition: 'VM' },
} satisfies KeyTable;

/** Options of nic:ovn devices (for container, VM). */
export const nicOvnKeys = {
  network: { name: 'network', type: 'string', description: 'Managed network to attach to instead of a parent', live: 'no', condition: 'taken from the network when network= is used' },
  name: { name: 'name', type: 'string', description: 'Interface name inside the instance', validate: interfaceName, live: 'no' },
  hostName: { name: 'host_name', type: 'string', description: 'Interface name on the host side', live: 'no' },
  hwaddr: { name: 'hwaddr', type: 'string', description: 'MAC address', validate: mac, live: 'no' },
  ipv4Address: { name: 'ipv4.address', type: 'string', description: 'IPv4 address of the NIC', validate: ipv4Address, live: 'no' },
  ipv6Address: { name: 'ipv6.address', type: 'string', description: 'IPv6 address of the NIC', validate: ipv6Address, live: 'no' },
  ipv4Routes: { name: 'ipv4.routes', type: 'list', description: 'IPv4 subnets routed to the NIC', validate: listOf(ipv4Cidr), live: 'no' },
  ipv6Routes: { name: 'ipv6.routes', type: 'list', description: 'IPv6 subnets routed to the NIC', validate: listOf(ipv6Cidr), live: 'no' },
  ipv4RoutesExternal: { name: 'ipv4.routes.external', type: 'list', description: 'IPv4 subnets routed to the NIC and published on the uplink', validate: listOf(ipv4Cidr), live: 'no' },
  ipv6RoutesExternal: { name: 'ipv6.routes.external', type: 'list', description: 'IPv6 subnets routed to the NIC and published on the uplink', validate: listOf(ipv6Cidr), live: 'no' },
  bootPriority: { name: 'boot.priority', type: 'integer', description: 'VM boot order, higher first', validate: uint32, live: 'no', condition: 'VM' },
  securityAcls: { name: 'security.acls', type: 'string', description: 'ACLs applied', live: 'yes' },
  securityAclsDefaultIngressAction: { name: 'security.acls.default.ingress.action', type: 'string', description: 'Action for unmatched ingress', validate: oneOf('allow', 'drop', 'reject'), defaultValue: 'reject', live: 'no' },
  securityAclsDefaultEgressAction: { name: 'security.acls.default.egress.action', type: 'string', description: 'Action for unmatched egress', validate: oneOf('allow', 'drop', 'reject'), defaultValue: 'reject', live: 'no' },
  securityAclsDefaultIngressLogged: { name: 'security.acls.default.ingress.logged', type: 'bool', description: 'Log unmatched ingress', validate: bool, defaultValue: 'false', live: 'no' },
  securityAclsDefaultEgressLogged: { name: 'security.acls.default.egress.logged', type: 'bool', description: 'Log unmatched egress', validate: bool, defaultValue: 'false', live: 'no' },
  mtu: { name: 'mtu', type: 'integer', description: 'MTU of the interface', live: 'no' },
} satisfies KeyTable;

/** Options of nic:physical devices (for container, VM). */
export const nicPhysicalKeys = {
  parent: { name: 'parent', type: 'string', description: 'Host interface the NIC is built on', live: 'no' },
  name: { name: 'name', type: 'string', description: 'Interface name inside the instance', validate: interfaceName, live: 'no' },
  mtu: { name: 'mtu', type: 'integer', description: 'MTU of the interface', validate: mtu, live: 'no', condition: 'container only (code)' },
  hwaddr: { name: 'hwaddr', type: 'string', description: 'MAC address', validate: mac, live: 'no', condition: 'container only (code)' },
  vlan: { name: 'vlan', type: 'integer', description: 'VLAN id', validate: vlan, live: 'no', condition: 'container only (code)' },
  gvrp: { name: 'gvrp', type: 'bool', description: 'Announce the VLAN by GVRP', validate: bool, defaultValue: 'false', live: 'no' },
  maasSubnetIpv4: { name: 'maas.subnet.ipv4', type: 'string', description: 'MAAS IPv4 subnet to register in', live: 'no' },
  maasSubnetIpv6: { name: 'maas.subnet.ipv6', type: 'string', description: 'MAAS IPv6 subnet to register in', live: 'no' },
  bootPriority: { name: 'boot.priority', type: 'integer', description: 'VM boot order, higher first', validate: uint32, live: 'no', condition: 'VM' },
} satisfies KeyTable;

/** Options of nic:ipvlan devices (for container). */
export const nicIpvlanKeys = {
  parent: { name: 'parent', type: 'string', description: 'Host interface the NIC is built on', live: 'no' },
  name: { name: 'name', type: 'string', description: 'Interface name inside the instance', validate: interfaceName, live: 'no' },
  mtu: { name: 'mtu', type: 'integer', description: 'MTU of the interface', validate: mtu, live: 'no' },
  mode: { name: 'mode', type: 'string', description: 'IPVLAN mode', validate: (value) => (['l3s', 'l2'].includes(value) ? undefined : 'Must be one of: l3s, l2'), defaultValue: 'l3s', live: 'no' },
  hwaddr: { name: 'hwaddr', type: 'string', description: 'MAC address', validate: mac, live: 'no' },
  ipv4Address: { name: 'ipv4.address', type: 'list', description: 'IPv4 addresses of the NIC', live: 'no' },
  ipv4Gateway: { name: 'ipv4.gateway', type: 'string', description: 'IPv4 default gateway handling', defaultValue: 'auto', live: 'no' },
  ipv4HostTable: { name: 'ipv4.host_table', type: 'integer', description: 'Extra policy routing table for IPv4 routes', validate: uint32, live: 'no' },
  ipv6Address: { name: 'ipv6.address', type: 'list', description: 'IPv6 addresses of the NIC', live: 'no' },
  ipv6Gateway: { name: 'ipv6.gateway', type: 'string', description: 'IPv6 default gateway handling', live: 'no' },
  ipv6HostTable: { name: 'ipv6.host_table', type: 'integer', description: 'Extra policy routing table for IPv6 routes', validate: uint32, live: 'no' },
  vlan: { name: 'vlan', type: 'integer', description: 'VLAN id', validate: vlan, live: 'no' },
  gvrp: { name: 'gvrp', type: 'bool', description: 'Announce the VLAN by GVRP', validate: bool, defaultValue: 'false', live: 'no' },
} satisfies KeyTable;

/** Options of nic:p2p devices (for container, VM). */
export const nicP2pKeys = {
  name: { name: 'name', type: 'string', description: 'Interface name inside the instance', validate: interfaceName, live: 'no' },
  mtu: { name: 'mtu', type: 'integer', description: 'MTU of the interface', validate: mtu, live: 'no' },
  hwaddr: { name: 'hwaddr', type: 'string', description: 'MAC address', validate: mac, live: 'no' },
  hostName: { name: 'host_name', type: 'string', description: 'Interface name on the host side', live: 'no' },
  limitsIngress: { name: 'limits.ingress', type: 'string', description: 'Rate limit of traffic to the instance (bit/s)', live: 'yes' },
  limitsEgress: { name: 'limits.egress', type: 'string', description: 'Rate limit of traffic from the instance (bit/s)', live: 'yes' },
  limitsMax: { name: 'limits.max', type: 'string', description: 'Sets ingress and egress together (bit/s)', live: 'yes' },
  ipv4Routes: { name: 'ipv4.routes', type: 'list', description: 'IPv4 subnets routed to the NIC', validate: listOf(ipv4Cidr), live: 'yes' },
  ipv6Routes: { name: 'ipv6.routes', type: 'list', description: 'IPv6 subnets routed to the NIC', validate: listOf(ipv6Cidr), live: 'yes' },
  bootPriority: { name: 'boot.priority', type: 'integer', description: 'VM boot order, higher first', validate: uint32, live: 'no', condition: 'VM' },
} satisfies KeyTable;

/** Options of nic:routed devices (for container). */
export const nicRoutedKeys = {
  parent: { name: 'parent', type: 'string', description: 'Host interface the NIC is built on', live: 'no' },
  name: { name: 'name', type: 'string', description: 'Interface name inside the instance', validate: interfaceName, live: 'no' },
  hostName: { name: 'host_name', type: 'string', description: 'Interface name on the host side', live: 'no' },
  mtu: { name: 'mtu', type: 'integer', description: 'MTU of the interface', validate: mtu, live: 'no' },
  hwaddr: { name: 'hwaddr', type: 'string', description: 'MAC address', validate: mac, live: 'no' },
  limitsIngress: { name: 'limits.ingress', type: 'string', description: 'Rate limit of traffic to the instance (bit/s)', live: 'yes' },
  limitsEgress: { name: 'limits.egress', type: 'string', description: 'Rate limit of traffic from the instance (bit/s)', live: 'yes' },
  limitsMax: { name: 'limits.max', type: 'string', description: 'Sets ingress and egress together (bit/s)', live: 'yes' },
  ipv4Address: { name: 'ipv4.address', type: 'list', description: 'IPv4 addresses of the NIC', validate: listOf(ipv4Address), live: 'no' },
  ipv4Gateway: { name: 'ipv4.gateway', type: 'string', description: 'IPv4 default gateway handling', validate: gatewayMode, defaultValue: 'auto', live: 'no' },
  ipv4HostAddress: { name: 'ipv4.host_address', type: 'string', description: 'IPv4 address on the host side', validate: ipv4Address, defaultValue: '169.254.0.1', live: 'no' },
  ipv4HostTable: { name: 'ipv4.host_table', type: 'integer', description: 'Extra policy routing table for IPv4 routes', validate: uint32, live: 'no' },
  ipv6Address: { name: 'ipv6.address', type: 'list', description: 'IPv6 addresses of the NIC', validate: listOf(ipv6Address), live: 'no' },
  ipv6Gateway: { name: 'ipv6.gateway', type: 'string', description: 'IPv6 default gateway handling', validate: gatewayMode, defaultValue: 'auto', live: 'no' },
  ipv6HostAddress: { name: 'ipv6.host_address', type: 'string', description: 'IPv6 address on the host side', validate: ipv6Address, defaultValue: 'fe80::1', live: 'no' },
  ipv6HostTable: { name: 'ipv6.host_table', type: 'integer', description: 'Extra policy routing table for IPv6 routes', validate: uint32, live: 'no' },
  vlan: { name: 'vlan', type: 'integer', description: 'VLAN id', validate: vlan, live: 'no' },
  gvrp: { name: 'gvrp', type: 'bool', description: 'Announce the VLAN by GVRP', validate: bool, defaultValue: 'false', live: 'no' },
} satisfies KeyTable;
