import type { Host } from '../host/host.js';
import type { HostLink } from '../host/link-dump.js';

const scopes: Readonly<Record<string, string>> = { global: 'global', link: 'link', host: 'local' };

/** LXD's NetworkState of a link; undefined when the host has no such link. */
export async function linkState(host: Host, name: string): Promise<object | undefined> {
  const links = await host.links.list();
  const link = links.find((candidate) => candidate.name === name);
  if (!link) return undefined;
  const ports = link.bridge ? await host.files.readdir(`/sys/class/net/${name}/brif`) : [];
  return networkState(link, { ports, lower: links.find(({ index }) => index === link.lowerIndex)?.name ?? '' });
}

export function networkState(link: HostLink, { ports, lower }: { ports: string[]; lower: string }): object {
  const { counters } = link;
  return {
    addresses: link.addresses.map(({ family, address, prefix, scope }) => ({ family, address, netmask: String(prefix), scope: scopes[scope] ?? 'unknown' })),
    counters: {
      bytes_received: counters.bytesReceived,
      bytes_sent: counters.bytesSent,
      packets_received: counters.packetsReceived,
      packets_sent: counters.packetsSent,
    },
    hwaddr: link.type === 'loopback' ? '' : link.hwaddr,
    mtu: link.mtu,
    state: link.isUp ? 'up' : 'down',
    type: link.type,
    bond: null,
    bridge: link.bridge ? bridgeState(link, link.bridge, ports) : null,
    vlan: link.vlanId === undefined ? null : { lower_device: lower, vid: link.vlanId },
    ovn: null,
  };
}

function bridgeState(link: HostLink, bridge: NonNullable<HostLink['bridge']>, ports: string[]): object {
  return {
    id: `8000.${link.hwaddr.replaceAll(':', '')}`,
    stp: bridge.stp,
    forward_delay: bridge.forwardDelay,
    vlan_default: bridge.vlanDefault,
    vlan_filtering: bridge.vlanFiltering,
    upper_devices: ports,
  };
}

/** LXD's type of a link that is no managed network. */
export function hostLinkType(link: HostLink): string {
  if (link.type === 'loopback') return 'loopback';
  if (['bridge', 'bond', 'vlan'].includes(link.kind)) return link.kind;
  return link.kind === '' && link.isEthernet ? 'physical' : 'unknown';
}
