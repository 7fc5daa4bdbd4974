import { deviceOption, infinibandPhysicalKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { Host } from '../host/host.js';
import { linkName, runIp, runIpOf } from '../networks/links.js';
import { Sysfs } from '../resources/sysfs.js';
import { deviceNumberOf } from './bus-nodes.js';
import type { DeviceDriver, DeviceStart, DeviceVolatile, IdRange, InstanceDevice, RunningInstance } from './device.js';
import { nodeOwnership, type DeviceNodes, type GuestNode } from './device-nodes.js';

const keys = infinibandPhysicalKeys;
const nodeClasses = ['infiniband_verbs', 'infiniband_mad', 'infiniband_cm'] as const;

/** Devices of type "infiniband": one of the host's links, or a virtual function of one, with the device nodes that belong to it. */
export class InfinibandDriver implements DeviceDriver {
  readonly #sysfs: Sysfs;

  constructor(
    private readonly host: Host,
    private readonly nodes: DeviceNodes,
  ) {
    this.#sysfs = new Sysfs(host.files);
  }

  async start(device: InstanceDevice, idmap: readonly IdRange[]): Promise<DeviceStart> {
    const link = await this.#link(device);
    const { lxc = [] } = await this.nodes.start(device, await this.#nodesOf(device, link), idmap);
    return { lxc, nic: [['type', 'phys'], ['name', guestName(device)], ['flags', 'up'], ['link', link]], volatile: await this.#take(device, link) };
  }

  async stop(device: InstanceDevice): Promise<DeviceVolatile> {
    await this.nodes.stop(device);
    const { options } = device.spec;
    const [link, mtu] = [options['host_name'] ?? '', options['last_state.mtu']];
    if (link && mtu && (await this.host.links.exists(link))) await runIp(this.host, [['link', 'set', 'dev', linkName(link), 'mtu', mtu]]);
    return { host_name: '', 'last_state.mtu': '', 'last_state.hwaddr': '' };
  }

  async plug(device: InstanceDevice, running: RunningInstance): Promise<DeviceVolatile> {
    const link = await this.#link(device);
    await this.nodes.plug(device, await this.#nodesOf(device, link), running);
    const volatile = await this.#take(device, link);
    await runIp(this.host, [['link', 'set', 'dev', link, 'netns', String(running.pid), 'name', guestName(device)]]);
    return volatile;
  }

  async unplug(device: InstanceDevice, running: RunningInstance): Promise<DeviceVolatile> {
    const home = linkName(device.spec.options['host_name'] ?? '');
    await runIpOf(this.host, running.pid, [['link', 'set', 'dev', guestName(device), 'netns', String(process.pid), 'name', home]]).catch(() => undefined);
    await this.nodes.unplug(device, running);
    return this.stop(device);
  }

  /** The parent itself, or the first of its functions that is free. */
  async #link({ spec: { options } }: InstanceDevice): Promise<string> {
    const parent = linkName(options[keys.parent.name] ?? '');
    if (!(await this.host.links.exists(parent))) throw new LxdError('internal', `Parent device '${parent}' doesn't exist`);
    if (!(await this.#sysfs.exists(`/sys/class/net/${parent}/device/infiniband`))) throw new LxdError('internal', `Specified infiniband device ${JSON.stringify(parent)} not found`);
    if (options[deviceOption.nictype] !== 'sriov') return parent;
    for (const name of await this.#sysfs.names(`/sys/class/net/${parent}/device`, /^virtfn\d+$/)) {
      const [link] = await this.#sysfs.names(`/sys/class/net/${parent}/device/${name}/net`);
      if (link !== undefined && (await this.#sysfs.text(`/sys/class/net/${link}/operstate`)) !== 'up') return link;
    }
    throw new LxdError('internal', `All virtual functions of sriov device ${JSON.stringify(parent)} seem to be in use`);
  }

  async #take({ spec: { options } }: InstanceDevice, link: string): Promise<DeviceVolatile> {
    const before = await this.host.links.find(link);
    const mtu = options[keys.mtu.name];
    if (mtu) await runIp(this.host, [['link', 'set', 'dev', link, 'mtu', mtu]]);
    return { host_name: link, 'last_state.mtu': String(before?.mtu ?? ''), 'last_state.hwaddr': before?.hwaddr ?? '' };
  }

  async #nodesOf(device: InstanceDevice, link: string): Promise<GuestNode[]> {
    const nodes: GuestNode[] = [];
    for (const nodeClass of nodeClasses) {
      const directory = `/sys/class/net/${link}/device/${nodeClass}`;
      for (const name of await this.#sysfs.names(directory)) {
        const number = await deviceNumberOf(this.#sysfs, `${directory}/${name}`);
        if (number) nodes.push({ kind: 'char', ...number, path: `/dev/infiniband/${name}`, ...nodeOwnership(device.spec.options) });
      }
    }
    return nodes;
  }
}

function guestName({ name, spec: { options } }: InstanceDevice): string {
  return linkName(options[keys.name.name] || name);
}
