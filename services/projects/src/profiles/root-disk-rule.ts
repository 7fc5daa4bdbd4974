import { isRootDisk } from '@asterism/config-keys';
import type { Devices } from '../gate/facts.js';

/** An instance's own devices and the profiles it has, the later stronger. */
export interface RootDiskUser {
  devices: Devices;
  profiles: readonly string[];
}

function rootDisk(devices: Devices): { name: string; pool: string } | undefined {
  const entry = Object.entries(devices).find(([, options]) => isRootDisk(options) && options['pool']);
  return entry && { name: entry[0], pool: entry[1]['pool']! };
}

/** Whether an instance's root disk comes from this profile, whose devices are about to lose or move it. */
export function reliesOnRootDisk(profile: { name: string; devices: Devices }, next: Devices, users: readonly RootDiskUser[], profiles: ReadonlyMap<string, Devices>): boolean {
  const old = rootDisk(profile.devices);
  if (!old || rootDisk(next)?.pool === old.pool) return false;
  return users.some((user) => {
    if (rootDisk(user.devices)) return false;
    const source = [...user.profiles].reverse().find((name) => profiles.get(name)?.[old.name] !== undefined);
    return source === profile.name;
  });
}
