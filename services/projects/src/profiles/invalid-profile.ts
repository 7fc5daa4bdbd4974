import { invalidDevice, invalidDeviceName, invalidInstanceConfig } from '@asterism/config-keys';
import type { Config, Devices } from '../gate/facts.js';

/** Types of the managed networks that devices name; undefined where there is no such network. */
export type NetworkTypes = Readonly<Record<string, string>>;

/** Why a profile's config is refused, in LXD's words. */
export function invalidProfileConfig(config: Config): string | undefined {
  return invalidInstanceConfig(config, 'profile');
}

/** Why a profile's devices are refused, in LXD's words. Pools may be missing, as in LXD; networks may not. */
export function invalidProfileDevices(devices: Devices, project: string, networks: NetworkTypes): string | undefined {
  for (const [name, options] of Object.entries(devices)) {
    const reason = invalidDeviceName(name) ?? missingNetwork(name, options, project, networks) ?? invalidOptions(name, options, networks) ?? secondRoot(name, devices);
    if (reason !== undefined) return `Device validation failed for ${JSON.stringify(name)}: ${reason}`;
  }
  return undefined;
}

/** Names of managed networks that devices refer to. */
export function namedNetworks(devices: Devices): string[] {
  return [...new Set(Object.values(devices).filter((options) => options['type'] === 'nic' && options['network']).map((options) => options['network']!))];
}

function missingNetwork(name: string, options: Config, project: string, networks: NetworkTypes): string | undefined {
  const network = options['type'] === 'nic' ? options['network'] : undefined;
  if (!network || networks[network] !== undefined) return undefined;
  return `Failed loading device ${JSON.stringify(name)}: Failed to load network ${JSON.stringify(network)} for project ${JSON.stringify(project)}: Network not found`;
}

function invalidOptions(name: string, options: Config, networks: NetworkTypes): string | undefined {
  if (!options['type']) return `Failed loading device ${JSON.stringify(name)}: Missing device type in config`;
  const reason = invalidDevice(options, options['network'] ? networks[options['network']] : undefined);
  return reason === 'Unsupported device type' ? `Failed loading device ${JSON.stringify(name)}: ${reason}` : reason;
}

function secondRoot(name: string, devices: Devices): string | undefined {
  const path = devices[name]?.['type'] === 'disk' ? devices[name]['path'] : undefined;
  if (!path) return undefined;
  const same = Object.values(devices).filter((options) => options['type'] === 'disk' && options['path'] === path);
  return same.length > 1 ? `More than one disk device uses the same path ${JSON.stringify(path)}` : undefined;
}
