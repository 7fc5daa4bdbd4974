import type { DeviceDriver, DeviceStart, DeviceVolatile, Followed, IdRange, InstanceDevice, RunningInstance } from './device.js';
import type { DeviceNodes, GuestNode } from './device-nodes.js';

/** Which device nodes a device stands for. */
export interface NodeSource {
  /** None where the host has none and need not; throws where it must. */
  find(device: InstanceDevice): Promise<GuestNode[]>;
  follows?(device: InstanceDevice): Followed | undefined;
}

/** Devices that are device nodes of the host, shown in the guest. */
export class NodeDriver implements DeviceDriver {
  constructor(
    private readonly nodes: DeviceNodes,
    private readonly source: NodeSource,
  ) {}

  async start(device: InstanceDevice, idmap: readonly IdRange[]): Promise<DeviceStart> {
    return this.nodes.start(device, await this.source.find(device), idmap);
  }

  async stop(device: InstanceDevice): Promise<DeviceVolatile> {
    await this.nodes.stop(device);
    return {};
  }

  async plug(device: InstanceDevice, running: RunningInstance): Promise<DeviceVolatile> {
    await this.nodes.plug(device, await this.source.find(device), running);
    return {};
  }

  async unplug(device: InstanceDevice, running: RunningInstance): Promise<DeviceVolatile> {
    await this.nodes.unplug(device, running);
    return {};
  }

  follows(device: InstanceDevice): Followed | undefined {
    return this.source.follows?.(device);
  }

  /** A node that is required and went stays until the device is removed. */
  async refresh(device: InstanceDevice, running: RunningInstance): Promise<void> {
    const nodes = await this.source.find(device).catch(() => undefined);
    if (nodes) await this.nodes.settle(device, nodes, running);
  }
}
