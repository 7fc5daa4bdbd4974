import { nicMacvlanKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { Host } from '../host/host.js';
import { linkName, runIp } from '../networks/links.js';
import type { DeviceVolatile, InstanceDevice } from './device.js';
import type { NicKind, NicLink } from './nic-kind.js';
import { hostName } from './nic-names.js';

/** A link on top of one of the host's, with an address of its own. */
export class MacvlanNic implements NicKind {
  constructor(private readonly host: Host) {}

  async create(device: InstanceDevice): Promise<NicLink> {
    const { options } = device.spec;
    const parent = linkName(options[nicMacvlanKeys.parent.name] ?? '');
    if (options[nicMacvlanKeys.vlan.name]) throw new LxdError('unsupported', 'VLANs on macvlan nics are not supported');
    if (!(await this.host.links.exists(parent))) throw new LxdError('internal', `Parent device '${parent}' doesn't exist`);
    const link = hostName(device, 'mac');
    const word = (name: string, value: string | undefined): string[] => (value ? [name, value] : []);
    if (await this.host.links.exists(link)) await this.host.links.delete(link);
    await runIp(this.host, [
      ['link', 'add', 'dev', link, 'link', parent, ...word('mtu', options[nicMacvlanKeys.mtu.name]), ...word('address', options[nicMacvlanKeys.hwaddr.name]), 'type', 'macvlan', 'mode', 'bridge'],
    ]);
    return { link, volatile: { host_name: link } };
  }

  /** The link is back on the host, or went with the guest. */
  async destroy(device: InstanceDevice): Promise<DeviceVolatile> {
    await this.host.links.delete(hostName(device, 'mac'));
    return { host_name: '' };
  }

  /** Taken back to the host before it is deleted there. */
  returnsAs(device: InstanceDevice): string {
    return hostName(device, 'mac');
  }
}
