import type { Host } from '../host/host.js';
import { readLink, type Link } from './links.js';

const scopes: Readonly<Record<string, string>> = { global: 'global', link: 'link', host: 'local' };

/** LXD's NetworkState of a link; undefined when the host has no such link. */
export async function linkState(host: Host, name: string): Promise<object | undefined> {
  const link = await readLink(host, name);
  if (!link) return undefined;
  const isBridge = link.linkinfo?.info_kind === 'bridge';
  return networkState(link, isBridge ? await host.files.readdir(`/sys/class/net/${name}/brif`) : []);
}

export function networkState(link: Link, ports: string[]): object {
  const { stats64 } = link;
  return {
    addresses: link.addr_info.map(({ family, local, prefixlen, scope }) => ({ family, address: local, netmask: String(prefixlen), scope: scopes[scope] ?? 'unknown' })),
    counters: {
      bytes_received: stats64?.rx.bytes ?? 0,
      bytes_sent: stats64?.tx.bytes ?? 0,
      packets_received: stats64?.rx.packets ?? 0,
      packets_sent: stats64?.tx.packets ?? 0,
    },
    hwaddr: link.flags.includes('LOOPBACK') ? '' : (link.address ?? ''),
    mtu: link.mtu,
    state: link.flags.includes('UP') ? 'up' : 'down',
    type: linkType(link.flags),
    bond: null,
    bridge: link.linkinfo?.info_kind === 'bridge' ? bridgeState(link.linkinfo.info_data ?? {}, link, ports) : null,
    vlan: link.linkinfo?.info_kind === 'vlan' ? { lower_device: link.link ?? '', vid: Number(link.linkinfo.info_data?.['id'] ?? 0) } : null,
    ovn: null,
  };
}

function linkType(flags: string[]): string {
  if (flags.includes('BROADCAST')) return 'broadcast';
  if (flags.includes('LOOPBACK')) return 'loopback';
  return flags.includes('POINTOPOINT') ? 'point-to-point' : 'unknown';
}

function bridgeState(info: Readonly<Record<string, unknown>>, link: Link, ports: string[]): object {
  const filtering = Number(info['vlan_filtering'] ?? 0) === 1;
  return {
    id: `8000.${(link.address ?? '').replaceAll(':', '')}`,
    stp: Number(info['stp_state'] ?? 0) === 1,
    forward_delay: Number(info['forward_delay'] ?? 0),
    vlan_default: Number(info['vlan_default_pvid'] ?? 0),
    vlan_filtering: filtering,
    upper_devices: ports,
  };
}

/** LXD's type of a link that is no managed network. */
export function hostLinkType(link: Link): string {
  if (link.flags.includes('LOOPBACK')) return 'loopback';
  const kind = link.linkinfo?.info_kind;
  if (kind === 'bridge' || kind === 'bond' || kind === 'vlan') return kind;
  return kind === undefined && link.link_type === 'ether' ? 'physical' : 'unknown';
}
