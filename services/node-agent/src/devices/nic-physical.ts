import { nicPhysicalKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { Host } from '../host/host.js';
import { runIp, type IpCommand } from '../networks/links.js';
import type { DeviceVolatile, InstanceDevice } from './device.js';
import { bringHome } from './nic-homecoming.js';
import type { NicKind, NicLink } from './nic-kind.js';
import { ensureParent, parentName, releaseParent } from './nic-parent.js';

/** One of the host's own links, given to the guest as long as it runs. */
export class PhysicalNic implements NicKind {
  constructor(private readonly host: Host) {}

  async create(device: InstanceDevice): Promise<NicLink> {
    const { options } = device.spec;
    const { link: parent, created } = await ensureParent(this.host, options);
    const link = await this.host.links.find(parent);
    if (!link) throw new LxdError('internal', `Parent device '${parent}' doesn't exist`);
    const { mtu, hwaddr } = { mtu: options[nicPhysicalKeys.mtu.name], hwaddr: options[nicPhysicalKeys.hwaddr.name] };
    const commands: IpCommand[] = [['link', 'set', 'dev', parent, 'down']];
    if (mtu) commands.push(['link', 'set', 'dev', parent, 'mtu', mtu]);
    if (hwaddr) commands.push(['link', 'set', 'dev', parent, 'address', hwaddr]);
    await runIp(this.host, commands);
    return { link: parent, volatile: { host_name: parent, 'last_state.mtu': String(link.mtu), 'last_state.hwaddr': link.hwaddr, 'last_state.created': String(created) } };
  }

  /** The link is on the host again, with the address and MTU it had. */
  async destroy(device: InstanceDevice): Promise<DeviceVolatile> {
    const { options } = device.spec;
    const parent = parentOf(device);
    const [mtu, hwaddr] = [options['last_state.mtu'], options['last_state.hwaddr']];
    if (hwaddr) await bringHome(this.host, parent, [options[nicPhysicalKeys.hwaddr.name], hwaddr]);
    const commands: IpCommand[] = [];
    if (mtu) commands.push(['link', 'set', 'dev', parent, 'mtu', mtu]);
    if (hwaddr) commands.push(['link', 'set', 'dev', parent, 'address', hwaddr]);
    if (await this.host.links.exists(parent)) await runIp(this.host, commands);
    await releaseParent(this.host, options);
    return { host_name: '', 'last_state.mtu': '', 'last_state.hwaddr': '', 'last_state.created': '' };
  }

  returnsAs(device: InstanceDevice): string {
    return parentOf(device);
  }
}

function parentOf({ spec: { options } }: InstanceDevice): string {
  return parentName(options);
}
