import { attributeMap, IFLA, linkHeader, nested, RTM, type Message } from './netlink-message.js';
import { dump } from './netlink-socket.js';

export interface LinkAddress {
  family: 'inet' | 'inet6';
  address: string;
  prefix: number;
  scope: 'global' | 'link' | 'host' | 'site';
}

/** A network interface as the kernel has it. */
export interface HostLink {
  index: number;
  name: string;
  isUp: boolean;
  type: 'broadcast' | 'loopback' | 'point-to-point' | 'unknown';
  isEthernet: boolean;
  mtu: number;
  /** Empty where it has none. */
  hwaddr: string;
  /** "bridge", "veth", "vlan", ...; empty for hardware and the loopback. */
  kind: string;
  /** Of a VLAN: the link it stands on. */
  lowerIndex: number;
  counters: { bytesReceived: number; bytesSent: number; packetsReceived: number; packetsSent: number };
  bridge?: { forwardDelay: number; stp: boolean; vlanFiltering: boolean; vlanDefault: number };
  vlanId?: number;
  addresses: LinkAddress[];
}

export interface HostRoute {
  /** CIDR; a default route is "0.0.0.0/0" or "::/0". */
  subnet: string;
  /** Index of the link it leads to; 0 where it leads to none. */
  link: number;
  isStatic: boolean;
}

const IFF = { up: 1, broadcast: 2, loopback: 8, pointToPoint: 16 } as const;
const ARPHRD_ETHER = 1;
const RTPROT_STATIC = 4;
const AF = { inet: 2, inet6: 10 } as const;

export async function readLinks(): Promise<HostLink[]> {
  const [links, addresses] = await Promise.all([dump(RTM.getLink, linkHeader()), dump(RTM.getAddress, Buffer.alloc(8))]);
  const all = links.map(hostLink);
  const byIndex = new Map(all.map((link) => [link.index, link]));
  for (const message of addresses) byIndex.get(message.body.readUInt32LE(4))?.addresses.push(...linkAddress(message));
  return all;
}

export async function readRoutes(): Promise<HostRoute[]> {
  return (await dump(RTM.getRoute, Buffer.alloc(12))).flatMap(hostRoute);
}

function hostLink({ body }: Message): HostLink {
  const flags = body.readUInt32LE(8);
  const attributes = attributeMap(body.subarray(16));
  const info = nested(attributes.get(IFLA.linkInfo));
  const kind = string(info.get(IFLA.infoKind));
  const own = nested(info.get(IFLA.infoData));
  return {
    index: body.readInt32LE(4),
    name: string(attributes.get(IFLA.ifname)),
    isUp: (flags & IFF.up) !== 0,
    type: flags & IFF.broadcast ? 'broadcast' : flags & IFF.loopback ? 'loopback' : flags & IFF.pointToPoint ? 'point-to-point' : 'unknown',
    isEthernet: body.readUInt16LE(2) === ARPHRD_ETHER,
    mtu: attributes.get(IFLA.mtu)?.readUInt32LE() ?? 0,
    hwaddr: [...(attributes.get(IFLA.address) ?? [])].map((byte) => byte.toString(16).padStart(2, '0')).join(':'),
    kind,
    lowerIndex: attributes.get(IFLA.link)?.readUInt32LE() ?? 0,
    counters: counters(attributes.get(IFLA.stats64)),
    ...(kind === 'bridge' ? { bridge: bridge(own) } : {}),
    ...(kind === 'vlan' ? { vlanId: own.get(IFLA.vlanId)?.readUInt16LE() ?? 0 } : {}),
    addresses: [],
  };
}

function bridge(info: ReadonlyMap<number, Buffer>): NonNullable<HostLink['bridge']> {
  return {
    forwardDelay: info.get(IFLA.bridgeForwardDelay)?.readUInt32LE() ?? 0,
    stp: (info.get(IFLA.bridgeStp)?.readUInt32LE() ?? 0) === 1,
    vlanFiltering: info.get(IFLA.bridgeVlanFiltering)?.[0] === 1,
    vlanDefault: info.get(IFLA.bridgeVlanDefault)?.readUInt16LE() ?? 0,
  };
}

/** struct rtnl_link_stats64 begins with packets received and sent, bytes received and sent. */
function counters(stats: Buffer | undefined): HostLink['counters'] {
  const at = (index: number): number => (stats ? Number(stats.readBigUInt64LE(index * 8)) : 0);
  return { packetsReceived: at(0), packetsSent: at(1), bytesReceived: at(2), bytesSent: at(3) };
}

/** The address that a message of an address dump carries. */
export function linkAddress({ body }: Message): LinkAddress[] {
  const [family, prefix, , scope] = [body[0], body[1]!, body[2], body[3]!];
  const attributes = attributeMap(body.subarray(8));
  const bytes = attributes.get(2) ?? attributes.get(1); // IFA_LOCAL, else IFA_ADDRESS
  if (!bytes || (family !== AF.inet && family !== AF.inet6)) return [];
  const scopes: Readonly<Record<number, LinkAddress['scope']>> = { 0: 'global', 200: 'site', 253: 'link', 254: 'host' };
  return [{ family: family === AF.inet ? 'inet' : 'inet6', address: addressText(bytes), prefix, scope: scopes[scope] ?? 'global' }];
}

function hostRoute({ body }: Message): HostRoute[] {
  const [family, prefix, protocol] = [body[0], body[1]!, body[5]];
  if (family !== AF.inet && family !== AF.inet6) return [];
  const attributes = attributeMap(body.subarray(12));
  const bytes = attributes.get(1) ?? Buffer.alloc(family === AF.inet ? 4 : 16); // RTA_DST
  return [{ subnet: `${addressText(bytes)}/${prefix}`, link: attributes.get(4)?.readUInt32LE() ?? 0, isStatic: protocol === RTPROT_STATIC }];
}

/** IPv6 in its short form, as `URL` writes it. */
function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return [...bytes].join('.');
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16));
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

function string(bytes: Buffer | undefined): string {
  return bytes ? bytes.toString('latin1').replace(/\0.*$/s, '') : '';
}
