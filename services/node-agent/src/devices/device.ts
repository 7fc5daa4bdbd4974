import type { agentInstances } from '@asterism/proto';

type InstanceSpec = agentInstances.InstanceSpec;
type DeviceSpec = agentInstances.DeviceSpec;

/** One line of an LXC configuration. */
export type LxcEntry = readonly [key: string, value: string];

/** A device of an instance: what every step of its life is given. */
export interface InstanceDevice {
  instance: InstanceSpec;
  /** Its name in the instance's devices ("eth0", "root"). */
  name: string;
  spec: DeviceSpec;
}

/** A range of ids: inside [nsId, nsId + range) is outside [hostId, hostId + range). */
export interface IdRange {
  isUid: boolean;
  isGid: boolean;
  nsId: number;
  hostId: number;
  range: number;
}

/** An instance that runs, for devices that come and go while it does. */
export interface RunningInstance {
  /** Its first process, as the host sees it: the way into its namespaces. */
  pid: number;
  /** Empty for a privileged container. */
  idmap: IdRange[];
}

/** volatile.<device>.* keys that change, by what stands after the second dot ("host_name"); an empty value removes the key. */
export type DeviceVolatile = Record<string, string>;

/** What a device adds to an instance that is about to start. */
export interface DeviceStart {
  /** Lines for the container's configuration, mount entries for example (see `mountEntry`). */
  lxc?: LxcEntry[];
  /** Keys of one lxc.net.<n> section without the prefix: [["type", "phys"], ["link", "veth1a2b"], ["name", "eth0"]]. The section's number is given by the caller. */
  nic?: LxcEntry[];
  volatile?: DeviceVolatile;
}

/**
 * A device type. Its life: `start` before the instance's processes exist, `stop` after they are gone; or `plug` and `unplug` while the instance
 * runs. `stop` also follows a `start` or an instance that failed, and an agent that was killed in between: every call is idempotent, and what is gone
 * already is fine. A failed call leaves nothing behind.
 */
export interface DeviceDriver {
  /** @param idmap of the instance that starts; empty for a privileged one */
  start(device: InstanceDevice, idmap: readonly IdRange[]): Promise<DeviceStart>;
  /** Takes from an instance that is being killed what need not wait for its end; `stop` still follows. */
  cut?(device: InstanceDevice): Promise<void>;
  stop(device: InstanceDevice): Promise<DeviceVolatile>;
  plug(device: InstanceDevice, running: RunningInstance): Promise<DeviceVolatile>;
  unplug(device: InstanceDevice, running: RunningInstance): Promise<DeviceVolatile>;
  /**
   * Applies changed options to a running instance. A driver without it, or that answers false from `canUpdate`, is unplugged and plugged instead.
   * `running` is absent when the instance is stopped: settings of the host's side only (quotas).
   */
  update?(device: InstanceDevice, before: DeviceSpec, running: RunningInstance | undefined): Promise<DeviceVolatile>;
  canUpdate?(changedOptions: string[], device: InstanceDevice): boolean;
  /** The instance's processes are there: just started, found again by a new agent, or come back from a reboot with another first process. */
  attend?(device: InstanceDevice, running: RunningInstance): Promise<void>;
  /** What on the host the device follows while its instance runs; undefined: nothing. */
  follows?(device: InstanceDevice): Followed | undefined;
  /** Brings a followed device of a running instance to what the host has now. */
  refresh?(device: InstanceDevice, running: RunningInstance): Promise<void>;
}

/** A path that comes and goes, or the kernel's word of devices that do. */
export type Followed = { path: string } | { uevents: true };

/** The host's id of one inside; what is not mapped belongs to the host's root. */
export function hostId(idmap: readonly IdRange[], kind: 'isUid' | 'isGid', id: number): number {
  if (idmap.length === 0) return id;
  const range = idmap.find((each) => each[kind] && id >= each.nsId && id < each.nsId + each.range);
  return range ? range.hostId + id - range.nsId : 0;
}

/** A line that mounts something into the container; `target` is absolute as the guest sees it. Spaces are escaped as fstab wants. */
export function mountEntry(mount: { source: string; target: string; type?: string; options: string[] }): LxcEntry {
  const fields = [mount.source, mount.target.replace(/^\/+/, ''), mount.type ?? 'none', mount.options.join(',')];
  return ['lxc.mount.entry', [...fields.map(escapeFstab), '0', '0'].join(' ')];
}

function escapeFstab(field: string): string {
  return field.replace(/[\\ \t\n]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`);
}
