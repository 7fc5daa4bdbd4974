import { deviceOption, nicBridgedKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { agentInstances } from '@asterism/proto';
import type { Host } from '../host/host.js';
import { runIp, runIpOf } from '../networks/links.js';
import type { DeviceDriver, DeviceStart, DeviceVolatile, InstanceDevice, RunningInstance } from './device.js';
import { BridgedNic } from './nic-bridged.js';
import type { NicKind } from './nic-kind.js';
import { IpvlanNic } from './nic-ipvlan.js';
import { MacvlanNic } from './nic-macvlan.js';
import { guestName } from './nic-names.js';
import { P2pNic } from './nic-p2p.js';
import { PhysicalNic } from './nic-physical.js';
import { RoutedNic } from './nic-routed.js';
import { SriovNic } from './nic-sriov.js';

/** Devices of type "nic", by their nictype or the type of their network. */
export class NicDriver implements DeviceDriver {
  readonly #kinds: ReadonlyMap<string, NicKind>;

  constructor(
    private readonly host: Host,
    stateDir: string,
  ) {
    this.#kinds = new Map<string, NicKind>([
      ['bridged', new BridgedNic(host, stateDir)],
      ['p2p', new P2pNic(host)],
      ['macvlan', new MacvlanNic(host)],
      ['physical', new PhysicalNic(host)],
      ['routed', new RoutedNic(host)],
      ['ipvlan', new IpvlanNic(host)],
      ['sriov', new SriovNic(host)],
    ]);
  }

  async start(device: InstanceDevice): Promise<DeviceStart> {
    const { link, volatile, entries = [] } = await this.#kind(device.spec).create(device);
    const name = guestName(device);
    // LXC forgets what was said of a link before its type.
    const type = entries.find(([key]) => key === 'type') ?? (['type', 'phys'] as const);
    const hwaddr = device.spec.options[nicBridgedKeys.hwaddr.name];
    return {
      nic: [type, ['name', name], ['flags', 'up'], ['link', link], ...(hwaddr ? [['hwaddr', hwaddr] as const] : []), ...entries.filter(([key]) => key !== 'type')],
      volatile: { ...volatile, ...chosenName(device, name) },
    };
  }

  async cut(device: InstanceDevice): Promise<void> {
    await this.#kind(device.spec).cut?.(device);
  }

  stop(device: InstanceDevice): Promise<DeviceVolatile> {
    return this.#kind(device.spec).destroy(device, false);
  }

  async plug(device: InstanceDevice, running: RunningInstance): Promise<DeviceVolatile> {
    const kind = this.#kind(device.spec);
    if (kind.needsStart) throw new LxdError('internal', `Failed to add device ${JSON.stringify(device.name)}: Device cannot be added when instance is running`);
    const { link, volatile } = await kind.create(device);
    const name = guestName(device);
    try {
      await runIp(this.host, [['link', 'set', 'dev', link, 'netns', String(running.pid), 'name', name]]);
      await kind.plugged?.(device, running);
    } catch (error) {
      await kind.destroy(device, true);
      throw error;
    }
    return { ...volatile, ...chosenName(device, name) };
  }

  async unplug(device: InstanceDevice, running: RunningInstance): Promise<DeviceVolatile> {
    const kind = this.#kind(device.spec);
    if (kind.needsStart) throw new LxdError('internal', `Failed to remove device ${JSON.stringify(device.name)}: Device cannot be removed when instance is running`);
    const home = kind.returnsAs?.(device);
    if (home !== undefined) await this.#takeBack(guestName(device), home, running).catch(() => undefined);
    return { ...(await kind.destroy(device, true)), name: '' };
  }

  async update(device: InstanceDevice, before: agentInstances.DeviceSpec): Promise<DeviceVolatile> {
    await this.#kind(device.spec).update?.(device, { ...device, spec: before });
    return {};
  }

  async attend(device: InstanceDevice): Promise<void> {
    await this.#kind(device.spec).attend?.(device);
  }

  canUpdate(changedOptions: string[], device: InstanceDevice): boolean {
    const live = this.#kind(device.spec).liveOptions ?? [];
    return changedOptions.every((option) => live.includes(option));
  }

  async #takeBack(guest: string, home: string, running: RunningInstance): Promise<void> {
    await runIpOf(this.host, running.pid, [
      ['link', 'set', 'dev', guest, 'down'],
      ['link', 'set', 'dev', guest, 'netns', String(process.pid), 'name', home],
    ]);
  }

  #kind(spec: agentInstances.DeviceSpec): NicKind {
    const name = nicKind(spec);
    const kind = this.#kinds.get(name);
    if (!kind) throw new LxdError('unsupported', `Unsupported nic type "${name}"`);
    return kind;
  }
}

function nicKind({ options, network }: agentInstances.DeviceSpec): string {
  const ofNetwork: Readonly<Record<string, string>> = { bridge: 'bridged' };
  return options[deviceOption.nictype] || ofNetwork[network?.type ?? ''] || network?.type || '';
}

/** Remembered only where the instance's configuration does not say it. */
function chosenName(device: InstanceDevice, name: string): DeviceVolatile {
  return device.spec.options[nicBridgedKeys.name.name] ? {} : { name };
}
