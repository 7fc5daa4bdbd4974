import type { IdRange } from '../devices/device.js';

/** Where an instance is on this host, as far as its files are concerned. */
export interface InstancePlace {
  id: string;
  name: string;
  project: string;
  type: string;
  /** The first process while it runs. */
  pid: number | undefined;
  /** How the LXC tools name it; containers only. */
  lxc?: { path: string; name: string };
  /** The volume; rootfs/ of a container lies in it. */
  volumePath: string;
  /** What the ids stand for that its files have where they are reached: in a running container always the container's, on disk only where they were shifted. */
  ids(): Promise<readonly IdRange[]>;
  /** logs/<instance> of the state directory. */
  logsDir: string;
}

/** How instances are found by what wants their files. */
export abstract class InstancePlaces {
  /** Throws not-found for an instance that this agent does not know. */
  abstract place(instanceId: string): InstancePlace;
}
