import { isRootDisk } from '@asterism/config-keys';
import { sorted, sortedDevices, type Config, type Devices, type ProfileConfig } from './instance.js';

/** What an instance really has: its profiles in their order, each over the one before, and its own on top. */
export function expandConfig(profiles: readonly ProfileConfig[], local: Config): Config {
  return sorted(Object.assign({}, ...profiles.map((profile) => profile.config), local) as Config);
}

/** A device of a later profile or of the instance replaces the whole device of that name. */
export function expandDevices(profiles: readonly ProfileConfig[], local: Devices): Devices {
  return sortedDevices(Object.assign({}, ...profiles.map((profile) => profile.devices), local) as Devices);
}

/** The device that is the instance's root disk. */
export function rootDisk(expanded: Devices): { name: string; options: Record<string, string> } | undefined {
  const found = Object.entries(expanded).find(([, options]) => isRootDisk(options));
  return found && { name: found[0], options: found[1] };
}
