import { deviceOption, diskKeys, invalidDevice, isDeviceType, isRootDisk, nicBridgedKeys } from '@asterism/config-keys';
import type { Devices } from '../instance.js';
import type { DeviceFacts } from '../surroundings.js';

/** Why devices of an instance are refused, as LXD says it after "Failed creating instance record: " or at an update. */
export function invalidDeviceTypes(devices: Devices): string | undefined {
  const bad = Object.values(devices).find((options) => !isDeviceType(options[deviceOption.type] ?? ''));
  return bad && `Invalid device type ${bad[deviceOption.type] ?? ''}`;
}

/** Checks every expanded device against what exists around it. */
export function invalidDevices(devices: Devices, project: string, facts: DeviceFacts): string | undefined {
  for (const [name, options] of Object.entries(devices)) {
    const reason = unknownNetwork(options, name, project, facts) ?? unknownPool(options, facts) ?? invalidDevice(options, networkTypeOf(options, facts));
    if (reason !== undefined) return `Device validation failed for "${name}": ${reason}`;
  }
  return doubleRoot(devices) ?? doublePath(devices);
}

function networkTypeOf(options: Record<string, string>, facts: DeviceFacts): string | undefined {
  const network = options[nicBridgedKeys.network.name];
  return network ? facts.networks[network]?.type : undefined;
}

function unknownNetwork(options: Record<string, string>, device: string, project: string, facts: DeviceFacts): string | undefined {
  const network = options[deviceOption.type] === 'nic' ? options[nicBridgedKeys.network.name] : undefined;
  if (!network) return undefined;
  const fact = facts.networks[network];
  if (!fact) return `Failed loading device "${device}": Failed to load network "${network}" for project "${project}": Network not found`;
  return fact.managed ? undefined : `Failed loading device "${device}": Specified network must be managed`;
}

function unknownPool(options: Record<string, string>, facts: DeviceFacts): string | undefined {
  const pool = options[deviceOption.type] === 'disk' && !isRootDisk(options) ? options[diskKeys.pool.name] : undefined;
  return pool && !facts.pools[pool] ? `Failed to get storage pool "${pool}": Storage pool not found` : undefined;
}

function doubleRoot(devices: Devices): string | undefined {
  return Object.values(devices).filter(isRootDisk).length > 1 ? 'More than one root device found' : undefined;
}

function doublePath(devices: Devices): string | undefined {
  const seen = new Set<string>();
  for (const options of Object.values(devices)) {
    const path = options[deviceOption.type] === 'disk' ? options[diskKeys.path.name]?.replace(/\/+$/, '') : undefined;
    if (!path) continue;
    if (seen.has(path)) return `More than one disk device uses the same path "${path}"`;
    seen.add(path);
  }
  return undefined;
}
