import { nicMacvlanKeys } from '@asterism/config-keys';
import type { Host } from '../host/host.js';
import { runIp } from '../networks/links.js';
import type { DeviceVolatile, InstanceDevice } from './device.js';
import type { NicKind, NicLink } from './nic-kind.js';
import { hostName } from './nic-names.js';
import { ensureParent, releaseParent } from './nic-parent.js';

/** A link on top of one of the host's, with an address of its own. */
export class MacvlanNic implements NicKind {
  constructor(private readonly host: Host) {}

  async create(device: InstanceDevice): Promise<NicLink> {
    const { options } = device.spec;
    const { link: parent, created } = await ensureParent(this.host, options);
    const link = hostName(device, 'mac');
    const word = (name: string, value: string | undefined): string[] => (value ? [name, value] : []);
    if (await this.host.links.exists(link)) await this.host.links.delete(link);
    await runIp(this.host, [
      ['link', 'add', 'dev', link, 'link', parent, ...word('mtu', options[nicMacvlanKeys.mtu.name]), ...word('address', options[nicMacvlanKeys.hwaddr.name]), 'type', 'macvlan', 'mode', 'bridge'],
    ]);
    return { link, volatile: { host_name: link, ...(created ? { 'last_state.created': 'true' } : {}) } };
  }

  /** The link is back on the host, or went with the guest. */
  async destroy(device: InstanceDevice): Promise<DeviceVolatile> {
    const { options } = device.spec;
    await this.host.links.delete(hostName(device, 'mac'));
    await releaseParent(this.host, options);
    return { host_name: '', ...(options['last_state.created'] ? { 'last_state.created': '' } : {}) };
  }

  /** Taken back to the host before it is deleted there. */
  returnsAs(device: InstanceDevice): string {
    return hostName(device, 'mac');
  }
}
