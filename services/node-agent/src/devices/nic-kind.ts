import type { DeviceVolatile, InstanceDevice, LxcEntry, RunningInstance } from './device.js';

/** The link that goes into the guest, and what the instance remembers of it. */
export interface NicLink {
  link: string;
  volatile: DeviceVolatile;
  /** More keys of the link's section for LXC; a "type" among them takes the place of the usual one. */
  entries?: readonly LxcEntry[];
}

/** A kind of nic: how its link comes to be on the host and goes from it. */
export interface NicKind {
  /** Leaves nothing behind when it fails. */
  create(device: InstanceDevice): Promise<NicLink>;
  /** The link may go while its guest is still dying. */
  cut?(device: InstanceDevice): Promise<void>;
  /** Sets up the inside of a link that came to a running instance, where LXC does it at a start. */
  plugged?(device: InstanceDevice, running: RunningInstance): Promise<void>;
  /** It can neither come to a running instance nor leave it. */
  readonly needsStart?: boolean;
  /** Everything of the nic on the host; what is gone already is fine. `removed`: the nic left the instance, which did not just stop. */
  destroy(device: InstanceDevice, removed: boolean): Promise<DeviceVolatile>;
  /** Brings what is missing on the host's side of a running nic back. */
  attend?(device: InstanceDevice): Promise<void>;
  /** Brings settings of the host's side to a running nic. */
  update?(device: InstanceDevice, before: InstanceDevice): Promise<void>;
  /** Options that `update` brings. */
  readonly liveOptions?: readonly string[];
  /** The link is the host's own and goes back to it under this name. */
  returnsAs?(device: InstanceDevice): string;
}
