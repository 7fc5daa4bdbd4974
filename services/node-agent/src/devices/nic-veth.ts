import { nicBridgedKeys } from '@asterism/config-keys';
import type { Host } from '../host/host.js';
import { writeSysctl } from '../networks/bridge-link.js';
import { deleteLink, linkExists, linkName, runIp, type IpCommand } from '../networks/links.js';
import type { InstanceDevice } from './device.js';
import { hostName, peerName } from './nic-names.js';

/** Makes a pair of links, one end for the guest, and runs `more` in the same breath; a pair that an earlier life left is replaced. */
export async function createVethPair(host: Host, device: InstanceDevice, options: { mtu: string; more: (hostEnd: string) => IpCommand[] }): Promise<{ hostEnd: string; guestEnd: string }> {
  const hostEnd = linkName(hostName(device));
  const guestEnd = peerName(device);
  if (await linkExists(host, hostEnd)) await deleteLink(host, hostEnd);
  const hwaddr = device.spec.options[nicBridgedKeys.hwaddr.name];
  const mtu = options.mtu ? ['mtu', options.mtu] : [];
  try {
    await runIp(host, [
      ['link', 'add', 'dev', hostEnd, ...mtu, 'type', 'veth', 'peer', 'name', guestEnd, ...mtu, ...(hwaddr ? ['address', hwaddr] : [])],
      ...options.more(hostEnd),
    ]);
  } catch (error) {
    await deleteLink(host, hostEnd).catch(() => undefined);
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
