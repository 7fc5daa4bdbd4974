import { join, posix } from 'node:path';
import type { Host } from '../host/host.js';
import type { DeviceNumber } from '../host/files.js';
import { hostName, InstanceLayout, instanceCgroup } from '../instances/instance-layout.js';
import { hasDeviceRules } from '../instances/lxc/lxc-config.js';
import { hostId, mountEntry, type DeviceStart, type IdRange, type InstanceDevice, type LxcEntry, type RunningInstance } from './device.js';

/** A device node as the guest will see it; ids are its own. */
export interface GuestNode extends DeviceNumber {
  path: string;
  mode: number;
  uid: number;
  gid: number;
}

/**
 * Device nodes of guests. A guest may make none itself: they lie on the host, one directory for each device, owned as the guest sees them, and are
 * bound into it.
 */
export class DeviceNodes {
  readonly #layout: InstanceLayout;

  constructor(
    private readonly host: Host,
    stateDir: string,
  ) {
    this.#layout = new InstanceLayout(stateDir);
  }

  async start(device: InstanceDevice, nodes: readonly GuestNode[], idmap: readonly IdRange[]): Promise<DeviceStart> {
    await this.stop(device);
    const lxc: LxcEntry[] = [];
    for (const node of nodes) {
      const source = await this.#make(device, node, idmap);
      lxc.push(mountEntry({ source, target: node.path, options: ['bind', 'create=file'] }));
      if (hasDeviceRules(device.instance.config, idmap)) lxc.push(['lxc.cgroup.devices.allow', allowance(node)], ['lxc.cgroup2.devices.allow', allowance(node)]);
    }
    return { lxc };
  }

  /** The mounts went with the container's namespace. */
  async stop(device: InstanceDevice): Promise<void> {
    await this.host.files.remove(this.#directory(device));
  }

  async plug(device: InstanceDevice, nodes: readonly GuestNode[], running: RunningInstance): Promise<void> {
    for (const node of nodes) {
      const source = await this.#make(device, node, running.idmap);
      if (hasDeviceRules(device.instance.config, running.idmap)) await this.#allow(device, node);
      await this.host.guests.ask('mount', { pid: running.pid, source, target: node.path });
    }
  }

  async unplug(device: InstanceDevice, running: RunningInstance): Promise<void> {
    for (const path of await this.present(device)) await this.#remove(device, path, running);
    await this.stop(device);
  }

  /** Brings a running guest from the nodes it has to those wished. */
  async settle(device: InstanceDevice, nodes: readonly GuestNode[], running: RunningInstance): Promise<void> {
    const present = await this.present(device);
    const wished = new Set(nodes.map((node) => node.path));
    for (const path of present) if (!wished.has(path)) await this.#remove(device, path, running);
    await this.plug(device, nodes.filter((node) => !present.includes(node.path)), running);
  }

  /** Paths of the nodes that a guest has, as it sees them. */
  async present(device: InstanceDevice): Promise<string[]> {
    return (await this.host.files.readdir(this.#directory(device)).catch(() => [])).map(decodeURIComponent);
  }

  async #make(device: InstanceDevice, node: GuestNode, idmap: readonly IdRange[]): Promise<string> {
    const directory = this.#directory(device);
    await this.host.files.mkdir(directory, { mode: 0o711 });
    const path = join(directory, encodeURIComponent(node.path));
    await this.host.files.makeNode(path, node, { mode: node.mode, uid: hostId(idmap, 'isUid', node.uid), gid: hostId(idmap, 'isGid', node.gid) });
    return path;
  }

  /** One that the guest unmounted itself is fine. */
  async #remove(device: InstanceDevice, path: string, running: RunningInstance): Promise<void> {
    await this.host.guests.ask('unmount', { pid: running.pid, target: path }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EINVAL' && error.code !== 'ENOENT') throw error;
    });
    await this.host.files.remove(join(this.#directory(device), encodeURIComponent(path)));
  }

  /** A privileged guest's control group lists what it may open; LXC alone can change the program that stands for that list in the unified tree. */
  async #allow({ instance }: InstanceDevice, node: GuestNode): Promise<void> {
    const { trees } = await this.host.cgroups.layout();
    if (trees['devices']) return this.host.cgroups.write(`/${instanceCgroup(instance.id)}/payload`, 'devices.allow', allowance(node));
    await this.host.exec(['lxc-cgroup', '-P', this.#layout.containers, '-n', hostName(instance), 'devices.allow', allowance(node)]);
  }

  #directory({ instance, name }: InstanceDevice): string {
    return join(this.#layout.devices(instance), `unix.${encodeURIComponent(name)}`);
  }
}

function allowance({ kind, major, minor }: DeviceNumber): string {
  return `${kind === 'char' ? 'c' : 'b'} ${major}:${minor} rwm`;
}

/** Owner and mode as options name them; 0660 of root otherwise. */
export function nodeOwnership(options: Readonly<Record<string, string>>): Pick<GuestNode, 'mode' | 'uid' | 'gid'> {
  return { mode: parseInt(options['mode'] || '0660', 8), uid: Number(options['uid'] || 0), gid: Number(options['gid'] || 0) };
}

/** `..` ends at the guest's root. */
export function guestPath(path: string): string {
  return posix.join('/', path);
}
