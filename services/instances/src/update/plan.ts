import { diskKeys, instanceKeys, invalidInstanceConfig, volatilePrefix } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import { ownerOf } from '../create/plan.js';
import { invalidDevices } from '../create/validate-devices.js';
import { knownArchitecture } from '../create/request.js';
import { expandConfig, expandDevices, rootDisk } from '../expand.js';
import { sorted, sortedDevices, type Config, type Devices, type InstanceRow, type ProfileConfig } from '../instance.js';
import type { DeviceFacts } from '../surroundings.js';
import { forgottenDevices, nicHwaddrs, withVolatile } from '../volatile.js';

/** What a PUT or PATCH may change. */
export interface Wish {
  architecture?: string | undefined;
  description?: string | undefined;
  ephemeral?: boolean | undefined;
  config: Config;
  devices: Devices;
  profiles?: readonly string[] | undefined;
}

/** The changed part of a row. */
export type Changed = Pick<InstanceRow, 'architecture' | 'description' | 'ephemeral' | 'config' | 'devices' | 'profiles' | 'expanded_config' | 'expanded_devices'>;

/** PATCH: what the request leaves out stays; a device is replaced whole, an empty value removes its key. */
export function mergeWish(row: InstanceRow, wish: Wish): Wish {
  return { ...wish, config: { ...row.config, ...wish.config }, devices: { ...row.devices, ...wish.devices }, profiles: wish.profiles ?? row.profiles, ephemeral: wish.ephemeral ?? row.ephemeral };
}

/** What the row becomes; refuses, in LXD's words, what its config or devices may not be. */
export function changedRow(row: InstanceRow, wish: Wish, profiles: readonly ProfileConfig[], facts: DeviceFacts): Changed {
  refuse('Invalid config', invalidInstanceConfig(wish.config, ownerOf(row.type)));
  requireIdmap(row, wish.config);
  const config = withIdentity(row, Object.fromEntries(Object.entries(wish.config).filter(([, value]) => value !== '')));
  const expandedDevices = expandDevices(profiles, wish.devices);
  requireDevices(row, wish.devices, facts, ownDevices);
  requireDevices(row, expandedDevices, facts, 'Invalid expanded devices');
  requireSameRootPool(row, expandedDevices);
  const local = withVolatile(config, { ...forgottenDevices(config, expandedDevices), ...nicHwaddrs(expandedDevices, config) });
  const expandedConfig = expandConfig(profiles, local);
  refuse('Invalid expanded config', invalidInstanceConfig(expandedConfig, 'expanded'));
  return {
    architecture: knownArchitecture(wish.architecture) ?? row.architecture,
    description: wish.description ?? row.description,
    ephemeral: wish.ephemeral ?? false,
    config: sorted(local),
    devices: sortedDevices(wish.devices),
    profiles: profiles.map((profile) => profile.name),
    expanded_config: expandedConfig,
    expanded_devices: expandedDevices,
  };
}

function refuse(prefix: string, reason: string | undefined): void {
  if (reason !== undefined) throw new LxdError('internal', `${prefix}: ${reason}`);
}

const ownDevices = 'Invalid devices';

/** LXD answers 404 where a device names something that does not exist. */
function requireDevices(row: InstanceRow, devices: Devices, facts: DeviceFacts, prefix: string): void {
  const reason = invalidDevices(devices, { project: row.project, facts, expanded: prefix !== ownDevices });
  if (reason !== undefined) throw new LxdError(reason.endsWith('not found') ? 'not-found' : 'internal', `${prefix}: ${reason}`);
}

/** The id map of an instance cannot be taken away by leaving it out. */
function requireIdmap(row: InstanceRow, wished: Config): void {
  const idmap = instanceKeys.volatileIdmapBase.name.slice(0, -'base'.length);
  const lost = Object.keys(row.config).some((key) => key.startsWith(idmap) && !(key in wished));
  if (lost) throw new LxdError('internal', "Volatile idmap keys can't be deleted by the user");
}

/** The identity of an instance survives a PUT that leaves it out. */
function withIdentity(row: InstanceRow, config: Config): Config {
  const kept: Config = {};
  for (const key of [instanceKeys.volatileUuid.name, instanceKeys.volatileCloudInitInstanceId.name]) {
    const value = row.config[key];
    if (value !== undefined && !(key in config)) kept[key] = value;
  }
  return { ...config, ...kept };
}

function requireSameRootPool(row: InstanceRow, expanded: Devices): void {
  // As in LXD, an instance may be left without any device.
  if (Object.keys(expanded).length === 0) return;
  const root = rootDisk(expanded);
  if (!root) throw new LxdError('internal', 'Invalid expanded devices: Failed detecting root disk device: No root device could be found');
  const pool = root.options[diskKeys.pool.name] ?? '';
  if (pool !== row.pool) throw new LxdError('internal', `Cannot update root disk device pool name to "${pool}"`);
}

/** Whether anything but volatile keys changed, for which LXD says "instance-updated". */
export function hasUserChanges(row: InstanceRow, changed: Changed): boolean {
  const plain = (config: Config): Config => Object.fromEntries(Object.entries(config).filter(([key]) => !key.startsWith(volatilePrefix)));
  const view = (value: InstanceRow | Changed): string =>
    JSON.stringify([plain(value.config), value.devices, value.profiles, value.ephemeral, value.description, value.architecture, plain(value.expanded_config), value.expanded_devices]);
  return view(row) !== view(changed);
}
