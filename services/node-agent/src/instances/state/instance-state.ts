import { sortedMap } from '@asterism/api';
import type { GuestLink } from '../../host/guest-network.js';

export type Status = 'Running' | 'Stopped' | 'Frozen' | 'Error';
export const statusCodes: Record<Status, number> = { Running: 103, Stopped: 102, Frozen: 110, Error: 112 };

export interface Usage {
  cpuNs: number;
  memoryBytes: number;
  memoryPeakBytes: number;
  swapBytes: number;
  swapPeakBytes: number;
  processes: number;
}

/** LXD's InstanceState object. */
export interface InstanceState {
  status: Status;
  status_code: number;
  disk: Record<string, { usage: number }> | null;
  memory: { usage: number; usage_peak: number; swap_usage: number; swap_usage_peak: number };
  network: Record<string, NetworkState> | null;
  pid: number;
  processes: number;
  cpu: { usage: number };
}

export interface NetworkState {
  addresses: { family: string; address: string; netmask: string; scope: string }[];
  counters: Record<string, number>;
  hwaddr: string;
  host_name: string;
  mtu: number;
  state: string;
  type: string;
}

const noUsage: Usage = { cpuNs: 0, memoryBytes: 0, memoryPeakBytes: 0, swapBytes: 0, swapPeakBytes: 0, processes: 0 };

export interface StateFacts {
  status: Status;
  pid: number;
  usage?: Usage;
  disk: Record<string, { usage: number }>;
  links?: GuestLink[];
  /** Host's name of an interface's other end, by its name in the guest. */
  hostNames: Readonly<Record<string, string>>;
}

export function instanceState({ status, pid, usage = noUsage, disk, links, hostNames }: StateFacts): InstanceState {
  return {
    status,
    status_code: statusCodes[status],
    disk: status === 'Stopped' && Object.keys(disk).length === 0 ? null : disk,
    memory: { usage: usage.memoryBytes, usage_peak: usage.memoryPeakBytes, swap_usage: usage.swapBytes, swap_usage_peak: usage.swapPeakBytes },
    network: links ? sortedMap(Object.fromEntries(links.map((link) => [link.name, networkState(link, hostNames[link.name] ?? '')]))) : null,
    pid,
    processes: usage.processes,
    cpu: { usage: usage.cpuNs },
  };
}

const IFF = { up: 0x1, broadcast: 0x2, loopback: 0x8, pointToPoint: 0x10 } as const;

function networkState(link: GuestLink, hostNameOfPeer: string): NetworkState {
  return {
    addresses: link.addresses.map(({ family, address, prefix }) => ({ family, address, netmask: String(prefix), scope: scopeOf(address) })),
    counters: {
      bytes_received: link.received.bytes,
      bytes_sent: link.sent.bytes,
      packets_received: link.received.packets,
      packets_sent: link.sent.packets,
      errors_received: link.received.errors,
      errors_sent: link.sent.errors,
      packets_dropped_outbound: link.sent.dropped,
      packets_dropped_inbound: link.received.dropped,
    },
    hwaddr: link.flags & IFF.loopback ? '' : link.hwaddr,
    host_name: hostNameOfPeer,
    mtu: link.mtu,
    state: link.flags & IFF.up ? 'up' : 'down',
    type: linkType(link.flags),
  };
}

function linkType(flags: number): string {
  if (flags & IFF.loopback) return 'loopback';
  if (flags & IFF.pointToPoint) return 'point-to-point';
  return flags & IFF.broadcast ? 'broadcast' : 'unknown';
}

function scopeOf(address: string): string {
  if (address.startsWith('127.') || address === '::1') return 'local';
  return address.startsWith('169.254.') || /^fe[89ab]/i.test(address) ? 'link' : 'global';
}
