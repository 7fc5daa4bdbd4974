import { nicBridgedKeys } from '@asterism/config-keys';
import type { Host } from '../host/host.js';
import { writeSysctl } from '../networks/bridge-link.js';
import { linkName, runIp, type IpCommand } from '../networks/links.js';
import type { InstanceDevice } from './device.js';
import { hostName, peerName } from './nic-names.js';

/** Makes a pair of links, one end for the guest, and runs `more` on it; a pair that an earlier life left is replaced. */
export async function createVethPair(host: Host, device: InstanceDevice, options: { mtu: string; master?: string; more: (hostEnd: string) => IpCommand[] }): Promise<{ hostEnd: string; guestEnd: string }> {
  const hostEnd = linkName(hostName(device));
  const guestEnd = peerName(device);
  const pair = { name: hostEnd, peer: guestEnd, peerHwaddr: device.spec.options[nicBridgedKeys.hwaddr.name], master: options.master, ...(options.mtu ? { mtu: Number(options.mtu) } : {}) };
  try {
    await host.links.delete(hostEnd);
    await host.links.createVeth(pair);
    await runIp(host, options.more(hostEnd));
  } catch (error) {
    await host.links.delete(hostEnd).catch(() => undefined);
    throw error;
  }
  return { hostEnd, guestEnd };
}

/** A link that only carries frames has no addresses of its own. */
export async function silenceIpv6(host: Host, link: string): Promise<void> {
  await writeSysctl(host, `ipv6/conf/${link}/disable_ipv6`, '1');
}

/** Subnets of "ipv4.routes" and "ipv6.routes". */
export function nicRoutes({ spec: { options } }: InstanceDevice): string[] {
  const lists = [options[nicBridgedKeys.ipv4Routes.name], options[nicBridgedKeys.ipv6Routes.name]];
  return lists.flatMap((list) => (list ?? '').split(',').map((route) => route.trim()).filter((route) => route !== ''));
}
