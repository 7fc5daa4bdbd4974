import type { DeviceDrivers } from '../devices/device-drivers.js';
import { FollowedDevices } from '../devices/follow-devices.js';
import { Devlxd } from '../devlxd/devlxd.js';
import type { GuestImages } from '../devlxd/guest-images.js';
import type { GuestFiles } from '../host/guest-files.js';
import { sweepFilters } from '../devices/nic-filter.js';
import type { Host } from '../host/host.js';
import { Sessions } from '../sessions/sessions.js';
import { InstanceLayout } from './instance-layout.js';
import { InstancesHandler } from './instances.handler.js';
import { KnownInstances } from './known-instances.js';
import { readContainerHost } from './lxc/container-host.js';
import { Interception } from './lxc/interception.js';
import { Containers, type Happened } from './lxc/containers.js';
import { States, type RootUsage } from './state/states.js';
import { InstanceTemplates } from './templates/instance-templates.js';
import { Turns } from './turns.js';

export interface InstancesOptions {
  host: Host;
  stateDir: string;
  devices: DeviceDrivers;
  guestFiles: GuestFiles;
  rootUsage: RootUsage;
  happened: Happened;
  /** What guests are told of their place, and the images they may have. */
  devlxd: { member: () => string; images: GuestImages };
}

/** The instances of one state directory. */
export interface AgentInstances {
  handler: InstancesHandler;
  known: KnownInstances;
  /** Finds again what runs; once pools and networks are there. */
  reattach(): Promise<void>;
  /** The bridge of a network was made again. */
  reconnect(network: string): Promise<void>;
  /** Begins no more sessions, and lets short ones end. */
  drain(): Promise<void>;
  /** Lets go of the instances; they run on. */
  close(): Promise<void>;
}

/** Reads what is known. */
export async function openInstances({ host, stateDir, devices, guestFiles, rootUsage, happened, devlxd }: InstancesOptions): Promise<AgentInstances> {
  const known = new KnownInstances(host, new InstanceLayout(stateDir));
  await known.load();
  const facts = await readContainerHost(host, process.env['LXD_LXC_TEMPLATE_CONFIG'] ?? '/usr/share/lxc/config');
  const states = new States(host, known, rootUsage);
  const turns = new Turns();
  const followed = new FollowedDevices(host, (id) => turns.take(id, () => containers.refreshDevices(id)));
  const containers: Containers = new Containers({ host, known, devices, templates: new InstanceTemplates(guestFiles), followed, interception: new Interception(host, known), turns, devlxd: new Devlxd(host, known, devlxd), facts, owners: known.owners }, happened, (id) => states.ended(id));
  const sessions = new Sessions(host, known);
  const handler = new InstancesHandler({ host, known, containers, states, sessions, turns });
  return {
    handler,
    known,
    // A task that goes on after a crash would find nothing running before it.
    reattach: () => containers.reattach().finally(() => turns.open()),
    reconnect: (network) => containers.reconnect(network),
    drain: () => sessions.drain(),
    async close() {
      await sweepFilters(host).catch(() => undefined);
      containers.close();
      states.close();
    },
  };
}
