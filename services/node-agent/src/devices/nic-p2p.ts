import { nicBridgedKeys, nicP2pKeys } from '@asterism/config-keys';
import type { Host } from '../host/host.js';
import { linkName, runIp } from '../networks/links.js';
import type { DeviceVolatile, InstanceDevice } from './device.js';
import type { NicKind, NicLink } from './nic-kind.js';
import { applyLimits, removeLimits } from './nic-limits.js';
import { hostName } from './nic-names.js';
import { createVethPair, nicRoutes } from './nic-veth.js';

/** A pair of links between host and guest, in no bridge. */
export class P2pNic implements NicKind {
  readonly liveOptions = [nicP2pKeys.limitsIngress, nicP2pKeys.limitsEgress, nicP2pKeys.limitsMax, nicP2pKeys.ipv4Routes, nicP2pKeys.ipv6Routes].map((key) => key.name);

  constructor(private readonly host: Host) {}

  async create(device: InstanceDevice): Promise<NicLink> {
    const { hostEnd, guestEnd } = await createVethPair(this.host, device, {
      mtu: device.spec.options[nicBridgedKeys.mtu.name] ?? '',
      more: (link) => nicRoutes(device).map((route) => ['route', 'replace', route, 'dev', link, 'proto', 'boot']),
    });
    await applyLimits(this.host, hostEnd, device.spec.options);
    return { link: guestEnd, volatile: { host_name: hostEnd } };
  }

  cut(device: InstanceDevice): Promise<void> {
    return this.host.links.delete(linkName(hostName(device)));
  }

  async update(device: InstanceDevice, before: InstanceDevice): Promise<void> {
    const hostEnd = linkName(hostName(device));
    await removeLimits(this.host, hostEnd);
    await applyLimits(this.host, hostEnd, device.spec.options);
    const wished = nicRoutes(device);
    const gone = nicRoutes(before).filter((route) => !wished.includes(route));
    await runIp(this.host, [...gone.map((route) => ['route', 'del', route, 'dev', hostEnd]), ...wished.map((route) => ['route', 'replace', route, 'dev', hostEnd, 'proto', 'boot'])]);
  }

  async destroy(device: InstanceDevice): Promise<DeviceVolatile> {
    await this.host.links.delete(linkName(hostName(device)));
    return { host_name: '' };
  }
}
