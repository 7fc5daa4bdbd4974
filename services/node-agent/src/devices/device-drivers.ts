import { deviceOption, isForVirtualMachines, isRootDisk } from '@asterism/config-keys';
import { fromUnknown, LxdError } from '@asterism/errors';
import type { agentInstances } from '@asterism/proto';
import type { DeviceDriver, DeviceStart, DeviceVolatile, Followed, IdRange, InstanceDevice, LxcEntry, RunningInstance } from './device.js';

type InstanceSpec = agentInstances.InstanceSpec;
type DeviceSpec = agentInstances.DeviceSpec;

/** What all devices of an instance add to its start. */
export interface StartedDevices {
  lxc: LxcEntry[];
  nics: LxcEntry[][];
  volatile: Record<string, string>;
}

/** The devices of an instance, each by the driver of its type. The root disk is the volume itself and "none" is nothing: neither has a driver. */
export class DeviceDrivers {
  constructor(private readonly byType: ReadonlyMap<string, DeviceDriver>) {}

  /** Starts them in the order the reference does: by name, nics and disks alike. Undoes what it started when one fails. */
  async start(instance: InstanceSpec, idmap: readonly IdRange[]): Promise<StartedDevices> {
    const started: StartedDevices = { lxc: [], nics: [], volatile: {} };
    const done: InstanceDevice[] = [];
    try {
      for (const device of devicesOf(instance)) {
        const answer = await this.driver(device).start(device, idmap).catch((error: unknown) => failedStart(device, error));
        done.push(device);
        collect(started, device, answer);
      }
    } catch (error) {
      for (const device of done.reverse()) await this.driver(device).stop(device).catch(() => undefined);
      throw error;
    }
    return started;
  }

  /** Takes from an instance that is being killed what need not wait for its end: the kernel is at both at the same time. */
  async cut(instance: InstanceSpec): Promise<void> {
    await Promise.allSettled(devicesOf(instance).map((device) => this.byType.get(typeOf(device.spec))?.cut?.(device)));
  }

  /** Stops all of them, also after a failure of one; the first failure is thrown at the end. */
  async stop(instance: InstanceSpec): Promise<Record<string, string>> {
    let changes = {};
    let failure: unknown;
    for (const device of devicesOf(instance).reverse()) {
      try {
        changes = { ...changes, ...prefixed(device, await this.driver(device).stop(device)) };
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure) throw failure;
    return changes;
  }

  /** Brings the devices of a running instance from what they were to what is wished. */
  async change(before: InstanceSpec, wish: InstanceSpec, running: RunningInstance): Promise<Record<string, string>> {
    let changes = {};
    const wished = new Map(devicesOf(wish).map((device) => [device.name, device]));
    const present = new Map(devicesOf(before).map((device) => [device.name, device]));
    for (const device of present.values()) {
      const next = wished.get(device.name);
      const kept = next && (sameDevice(device.spec, next.spec) || this.canUpdate(device, next));
      if (!kept) changes = { ...changes, ...prefixed(device, await this.driver(device).unplug(device, running)) };
    }
    for (const device of wished.values()) {
      const old = present.get(device.name);
      if (old && sameDevice(old.spec, device.spec)) continue;
      const driver = this.driver(device);
      const updated = await (old && this.canUpdate(old, device) ? driver.update!(device, old.spec, running) : driver.plug(device, running).catch((error: unknown) => failedStart(device, error)));
      remember(device, updated);
      changes = { ...changes, ...prefixed(device, updated) };
    }
    return changes;
  }

  /** The instance's processes are there. */
  async attend(instance: InstanceSpec, running: RunningInstance): Promise<void> {
    for (const device of devicesOf(instance)) await this.byType.get(typeOf(device.spec))?.attend?.(device, running).catch((error: unknown) => failedStart(device, error));
  }

  /** The bridge of a network was made again. */
  async reconnect(instance: InstanceSpec, running: RunningInstance, network: string): Promise<void> {
    for (const device of devicesOf(instance)) if (device.spec.network?.name === network) await this.byType.get(typeOf(device.spec))?.attend?.(device, running);
  }

  /** What the devices of an instance follow on the host. */
  follows(instance: InstanceSpec): Followed[] {
    return devicesOf(instance).flatMap((device) => this.byType.get(typeOf(device.spec))?.follows?.(device) ?? []);
  }

  /** Brings followed devices of a running instance to what the host has now. */
  async refresh(instance: InstanceSpec, running: RunningInstance): Promise<void> {
    for (const device of devicesOf(instance)) {
      const driver = this.byType.get(typeOf(device.spec));
      if (driver?.follows?.(device)) await driver.refresh?.(device, running);
    }
  }

  private canUpdate(old: InstanceDevice, next: InstanceDevice): boolean {
    const driver = this.driver(next);
    if (!driver.update || typeOf(old.spec) !== typeOf(next.spec)) return false;
    return driver.canUpdate?.(changedOptions(old.spec, next.spec), next) ?? true;
  }

  private driver(device: InstanceDevice): DeviceDriver {
    const type = typeOf(device.spec);
    const driver = this.byType.get(type);
    if (!driver) throw new LxdError('unsupported', `Failed to start device "${device.name}": Unsupported device type "${type}"`);
    return driver;
  }
}

/** Options that a start writes itself are no change of the wish. */
function sameDevice(a: DeviceSpec, b: DeviceSpec): boolean {
  return changedOptions(a, b).length === 0 && a.volume_path === b.volume_path;
}

function changedOptions(a: DeviceSpec, b: DeviceSpec): string[] {
  const names = new Set([...Object.keys(a.options), ...Object.keys(b.options)]);
  return [...names].filter((name) => name !== 'host_name' && (a.options[name] ?? '') !== (b.options[name] ?? ''));
}

function devicesOf(instance: InstanceSpec): InstanceDevice[] {
  return Object.entries(instance.devices)
    .filter(([, spec]) => typeOf(spec) !== 'none' && !isRootDisk(spec.options) && !isForVirtualMachines(spec.options))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, spec]) => ({ instance, name, spec }));
}

function typeOf(spec: DeviceSpec): string {
  return spec.options[deviceOption.type] ?? '';
}

function collect(started: StartedDevices, device: InstanceDevice, answer: DeviceStart): void {
  started.lxc.push(...(answer.lxc ?? []));
  if (answer.nic) started.nics.push(answer.nic);
  remember(device, answer.volatile ?? {});
  Object.assign(started.volatile, prefixed(device, answer.volatile ?? {}));
}

function failedStart(device: InstanceDevice, error: unknown): never {
  const { kind, message } = fromUnknown(error);
  throw new LxdError(kind, /^Failed to (?:start|add|remove) device/.test(message) ? message : `Failed to start device "${device.name}": ${message}`, { cause: error });
}

/** What a driver chose becomes part of the device as it runs: the control plane will say it too from now on, which is no change then. */
function remember(device: InstanceDevice, volatile: DeviceVolatile): void {
  for (const [key, value] of Object.entries(volatile)) if (value !== '') device.spec.options[key] = value;
}

function prefixed(device: InstanceDevice, volatile: DeviceVolatile): Record<string, string> {
  return Object.fromEntries(Object.entries(volatile).map(([key, value]) => [`volatile.${device.name}.${key}`, value]));
}
