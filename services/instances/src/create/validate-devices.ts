import { addresses, deviceOption, diskKeys, invalidDevice, invalidDeviceName, isDeviceType, isForVirtualMachines, isRootDisk, nicBridgedKeys, subnets } from '@asterism/config-keys';
import type { Devices } from '../instance.js';
import type { DeviceFacts } from '../surroundings.js';

type Options = Record<string, string>;

/** Why a new record's devices are refused before anything is looked up. */
export function invalidDeviceTypes(devices: Devices): string | undefined {
  const bad = Object.values(devices).find((options) => !isDeviceType(options[deviceOption.type] ?? ''));
  return bad && `Invalid device type ${bad[deviceOption.type] ?? ''}`;
}

/** Checks devices against what exists around them; LXD's sentence, without "Invalid devices: ". */
export function invalidDevices(devices: Devices, { project, facts, expanded = false }: { project: string; facts: DeviceFacts; /** With those of profiles. */ expanded?: boolean }): string | undefined {
  if (Object.keys(devices).some((name) => name.length > 64)) return 'The maximum device name length is 64 characters';
  for (const [name, options] of Object.entries(devices)) {
    if (isForVirtualMachines(options) && expanded) continue;
    const invalid = isForVirtualMachines(options) ? 'Unsupported device type' : invalidDevice(options, networkTypeOf(options, facts));
    const reason = invalidDeviceName(name) ?? notLoadable(options, name, project, facts) ?? foreignAddress(options, facts) ?? (invalid && prefixOf(options) + invalid) ?? doublePath(devices, name) ?? doubleName(devices, name);
    if (reason !== undefined) return `Device validation failed for ${JSON.stringify(name)}: ${reason}`;
  }
  return Object.values(devices).filter(isRootDisk).length > 1 ? 'Failed detecting root disk device: More than one root device found' : undefined;
}

function networkTypeOf(options: Options, facts: DeviceFacts): string | undefined {
  const network = options[nicBridgedKeys.network.name];
  return network ? facts.networks[network]?.type : undefined;
}

function notLoadable(options: Options, device: string, project: string, facts: DeviceFacts): string | undefined {
  const reason = (detail: string): string => `Failed loading device "${device}": ${detail}`;
  if (!isDeviceType(options[deviceOption.type] ?? '')) return reason('Unsupported device type');
  const network = options[deviceOption.type] === 'nic' ? options[nicBridgedKeys.network.name] : undefined;
  if (!network) return invalidDevice(options) === 'Unsupported device type' ? reason('Unsupported device type') : undefined;
  const fact = facts.networks[network];
  if (!fact) return reason(`Failed to load network "${network}" for project "${project}": Network not found`);
  return fact.managed ? undefined : reason('Specified network must be managed');
}

/** A fixed address lies in its managed network's subnet. */
function foreignAddress(options: Options, facts: DeviceFacts): string | undefined {
  const network = options[deviceOption.type] === 'nic' ? (options[nicBridgedKeys.network.name] ?? '') : '';
  const fact = facts.networks[network];
  if (!fact || fact.type !== 'bridge') return undefined;
  for (const key of [nicBridgedKeys.ipv4Address, nicBridgedKeys.ipv6Address]) {
    const address = options[key.name];
    if (!address || address === 'none') continue;
    const subnet = subnets.subnetOf(fact.config[key.name] ?? '');
    const isAddress = addresses.anyAddress(address) === undefined;
    if (!subnet || !isAddress || !subnets.contains(subnet, subnets.parseIp(address))) return `Device IP address "${address}" not within network "${network}" subnet`;
  }
  return undefined;
}

function prefixOf(options: Options): string {
  return options[deviceOption.type] === 'tpm' ? 'Failed to validate config: ' : '';
}

function doubleName(devices: Devices, device: string): string | undefined {
  const nameOf = (options: Options | undefined): string => (options?.[deviceOption.type] === 'nic' ? (options[nicBridgedKeys.name.name] ?? '') : '');
  const name = nameOf(devices[device]);
  const twice = name !== '' && Object.entries(devices).some(([other, options]) => other !== device && nameOf(options) === name);
  return twice ? `Invalid value for device option "name": Duplicate NIC name detected ${JSON.stringify(name)}` : undefined;
}

function doublePath(devices: Devices, device: string): string | undefined {
  const pathOf = (options: Options): string => (options[deviceOption.type] === 'disk' ? (options[diskKeys.path.name] ?? '').replace(/(?<=.)\/+$/, '') : '');
  const path = pathOf(devices[device] ?? {});
  if (path === '' || path === '/') return undefined;
  const twice = Object.entries(devices).some(([other, options]) => other !== device && pathOf(options) === path);
  return twice ? `More than one disk device uses the same path "${path}"` : undefined;
}
