import { randomUUID } from 'node:crypto';
import { diskKeys, instanceKeys, invalidInstanceConfig, parseSize } from '@asterism/config-keys';
import type { NewInstance } from '../instance.store.js';
import { expandConfig, expandDevices, rootDisk } from '../expand.js';
import { sorted, sortedDevices, type Config, type Devices, type ProfileConfig } from '../instance.js';
import { Refused } from '../refusal.js';
import type { DeviceFacts } from '../surroundings.js';
import { identity, imageConfig, nicHwaddrs } from '../volatile.js';
import { invalidDevices, invalidDeviceTypes } from './validate-devices.js';

/** What is wished, after the request's own checks. */
export interface CreationWish {
  project: string;
  name: string;
  member: string;
  type: string;
  architecture: string;
  description: string;
  ephemeral: boolean;
  config: Config;
  devices: Devices;
  profiles: readonly ProfileConfig[];
  /** The image it is made of. */
  image?: { fingerprint: string; properties: Config };
  trigger: 'create' | 'copy' | 'import';
}

/** The row of a new instance, expanded and with its identity; without its pool's facts, which come with checkDevices(). */
export type DraftInstance = Omit<NewInstance, 'busy' | 'busy_task' | 'pool' | 'pool_driver'>;

export class RecordRefused extends Refused {
  constructor(reason: string) {
    super(`Failed creating instance record: ${reason}`);
  }
}

/** Decides what the instance will be; refuses what no surrounding could make good. */
export function draftInstance(wish: CreationWish): DraftInstance {
  const refused = invalidInstanceConfig(wish.config, ownerOf(wish.type)) ?? invalidDeviceTypes(wish.devices);
  if (refused !== undefined) throw new RecordRefused(refused);
  const expandedDevices = expandDevices(wish.profiles, wish.devices);
  const config: Config = {
    ...(wish.image ? { ...imageConfig(wish.image.properties), [instanceKeys.volatileBaseImage.name]: wish.image.fingerprint } : {}),
    ...withoutEmpty(wish.config),
    ...(wish.trigger === 'import' ? {} : identity(wish.trigger)),
  };
  const local = sorted({ ...config, ...nicHwaddrs(expandedDevices, config) });
  return {
    id: randomUUID(),
    project: wish.project,
    name: wish.name,
    type: wish.type,
    architecture: wish.architecture,
    description: wish.description,
    ephemeral: wish.ephemeral,
    config: local,
    devices: sortedDevices(wish.devices),
    profiles: wish.profiles.map((profile) => profile.name),
    expanded_config: expandConfig(wish.profiles, local),
    expanded_devices: expandedDevices,
    member: wish.member,
  };
}

/** Checks the draft against the pools and networks that exist, and places its root volume. */
export function placeInstance(draft: DraftInstance, facts: DeviceFacts): NewInstance {
  const refused = invalidInstanceConfig(draft.expanded_config, 'expanded');
  if (refused !== undefined) throw new RecordRefused(`Failed initialising instance: Invalid config: ${refused}`);
  const { project } = draft;
  const badDevice = invalidDevices(draft.devices, { project, facts }) ?? invalidDevices(draft.expanded_devices, { project, facts, expanded: true });
  if (badDevice !== undefined) throw new RecordRefused(`Failed initialising instance: Invalid devices: ${badDevice}`);
  const root = rootDisk(draft.expanded_devices);
  if (!root) throw new RecordRefused('Failed initialising instance: Failed getting root disk: No root device could be found');
  const pool = root.options[diskKeys.pool.name] ?? '';
  const fact = facts.pools[pool];
  if (!fact) throw new RecordRefused('Failed initialising instance: Failed loading storage pool: Storage pool not found');
  return { ...draft, pool, pool_driver: fact.driver, busy: 'create', busy_task: null };
}

/** Whose keys an instance of this type may have. */
export function ownerOf(type: string): 'container' | 'virtual-machine' {
  return type === 'virtual-machine' ? 'virtual-machine' : 'container';
}

/** The size wished for the root volume, as text; empty for none. */
export function rootSize(devices: Devices): string {
  const size = rootDisk(devices)?.options[diskKeys.size.name] ?? '';
  return parseSize(size) ? size : '';
}

function withoutEmpty(config: Config): Config {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== ''));
}
