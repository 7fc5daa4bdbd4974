import { nicBridgedKeys } from '@asterism/config-keys';
import type { Host } from '../host/host.js';
import { linkName } from '../networks/links.js';
import type { DeviceVolatile, InstanceDevice } from './device.js';
import type { NicKind, NicLink } from './nic-kind.js';
import { applyLimits } from './nic-limits.js';
import { hostName } from './nic-names.js';
import { createVethPair, nicRoutes } from './nic-veth.js';

/** A pair of links between host and guest, in no bridge. */
export class P2pNic implements NicKind {
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

  async destroy(device: InstanceDevice): Promise<DeviceVolatile> {
    await this.host.links.delete(linkName(hostName(device)));
    return { host_name: '' };
  }
}
