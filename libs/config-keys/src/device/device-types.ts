import { findKey, invalidReason, type KeyTable } from '../key.js';
import { deviceRules } from './device-rules.js';
import { diskKeys } from './disk-keys.js';
import { gpuMdevKeys, gpuMigKeys, gpuPhysicalKeys, gpuSriovKeys } from './gpu-keys.js';
import { infinibandPhysicalKeys, infinibandSriovKeys } from './infiniband-keys.js';
import { nicBridgedKeys, nicIpvlanKeys, nicMacvlanKeys, nicOvnKeys, nicP2pKeys, nicPhysicalKeys, nicRoutedKeys, nicSriovKeys } from './nic-keys.js';
import { pciKeys } from './pci-keys.js';
import { proxyKeys } from './proxy-keys.js';
import { tpmKeys } from './tpm-keys.js';
import { unixBlockKeys } from './unix-block-keys.js';
import { unixCharKeys } from './unix-char-keys.js';
import { unixHotplugKeys } from './unix-hotplug-keys.js';
import { usbKeys } from './usb-keys.js';

/** Options of a device, "type" among them. */
export type DeviceOptions = Readonly<Record<string, string>>;

/** The options that choose a device's kind; every other option stands in the kind's table. */
export const deviceOption = { type: 'type', nictype: 'nictype', gputype: 'gputype' } as const;

const nicKinds = {
  bridged: nicBridgedKeys,
  macvlan: nicMacvlanKeys,
  sriov: nicSriovKeys,
  ovn: nicOvnKeys,
  physical: nicPhysicalKeys,
  ipvlan: nicIpvlanKeys,
  p2p: nicP2pKeys,
  routed: nicRoutedKeys,
} satisfies Record<string, KeyTable>;
const gpuKinds: Readonly<Record<string, KeyTable>> = { physical: gpuPhysicalKeys, mdev: gpuMdevKeys, mig: gpuMigKeys, sriov: gpuSriovKeys };
const infinibandKinds: Readonly<Record<string, KeyTable>> = { physical: infinibandPhysicalKeys, sriov: infinibandSriovKeys };
const plainTypes: Readonly<Record<string, KeyTable>> = {
  none: {},
  disk: diskKeys,
  'unix-char': unixCharKeys,
  'unix-block': unixBlockKeys,
  'unix-hotplug': unixHotplugKeys,
  usb: usbKeys,
  proxy: proxyKeys,
  tpm: tpmKeys,
  pci: pciKeys,
};

/** The types LXD's names know; a device of another type is "Invalid device type". */
export function isDeviceType(type: string): boolean {
  return type in plainTypes || type === 'nic' || type === 'gpu' || type === 'infiniband';
}

/** Why a device's name is refused. */
export function invalidDeviceName(name: string): string | undefined {
  if (name.length < 1 || name.length > 63) return 'Name must be 1-63 characters long';
  if (!/^[-A-Za-z0-9/:_.]+$/.test(name)) return 'Name can only contain alphanumeric, forward slash, hyphen, colon, underscore and full stop characters';
  // Names of devices become parts of paths on the host.
  if (name.startsWith('.') || name.split('/').includes('..')) return 'Name must not start with "." character';
  return undefined;
}

/** What only virtual machines can have: refused of a container's own devices, and left out where a profile brings it. */
export function isForVirtualMachines(options: DeviceOptions): boolean {
  const type = options[deviceOption.type];
  return type === 'pci' || (type === 'gpu' && ['mdev', 'sriov'].includes(options[deviceOption.gputype] ?? ''));
}

/** The kind of nic a managed network's type makes. */
export function nicKindOfNetwork(networkType: string): string {
  return networkType === 'bridge' ? 'bridged' : networkType;
}

function kindOf(options: DeviceOptions, networkType?: string): string {
  if (options[deviceOption.type] === 'gpu') return options[deviceOption.gputype] || 'physical';
  return networkType === undefined ? (options[deviceOption.nictype] ?? '') : nicKindOfNetwork(networkType);
}

/** The table of a device's options; undefined where its type, nictype or gputype is unknown. networkType is that of options.network. */
export function deviceKeys(options: DeviceOptions, networkType?: string): KeyTable | undefined {
  const type = options[deviceOption.type] ?? '';
  if (type === 'nic') {
    return (nicKinds as Readonly<Record<string, KeyTable>>)[kindOf(options, networkType)];
  }
  if (type === 'gpu') return gpuKinds[options[deviceOption.gputype] ?? ''] ?? gpuPhysicalKeys; // as the reference reads a kind it does not know
  if (type === 'infiniband') return infinibandKinds[options[deviceOption.nictype] ?? ''];
  return plainTypes[type];
}

/** What a managed network says for its nics. */
const takenFromNetwork: readonly string[] = [deviceOption.nictype, nicBridgedKeys.parent.name, nicBridgedKeys.mtu.name, nicBridgedKeys.maasSubnetIpv4.name, nicBridgedKeys.maasSubnetIpv6.name];
const needsParent: readonly string[] = ['bridged', 'macvlan', 'sriov', 'physical', 'ipvlan'];

/** Why a device's options are refused (LXD's sentence without its outer "Device validation failed" words). */
export function invalidDevice(options: DeviceOptions, networkType?: string): string | undefined {
  const table = deviceKeys(options, networkType);
  if (!table) return 'Unsupported device type';
  const clash = networkType === undefined ? undefined : takenFromNetwork.find((name) => options[name]);
  if (clash !== undefined) return `Cannot use ${JSON.stringify(clash)} property in conjunction with "network" property`;
  const missing = Object.values(table).filter((key) => key.required && !(key.name in options)).map((key) => key.name);
  for (const name of [...Object.keys(options), ...missing].sort()) {
    if (name === deviceOption.type || name === deviceOption.nictype || name === deviceOption.gputype) continue;
    const key = findKey(table, name);
    if (!key) return `Invalid device option ${JSON.stringify(name)}`;
    const reason = invalidReason(key, options[name] ?? '');
    if (reason !== undefined) return `Invalid value for device option ${JSON.stringify(name)}: ${reason}`;
    if (/[\u0000\n\r]/.test(options[name] ?? '')) return `Invalid value for device option ${JSON.stringify(name)}: must be a single line`;
  }
  if (needsParent.includes(options[deviceOption.nictype] ?? '') && !options[nicBridgedKeys.parent.name]) {
    return `Invalid value for device option ${JSON.stringify(nicBridgedKeys.parent.name)}: Required value`;
  }
  const type = options[deviceOption.type] ?? '';
  return deviceRules[type]?.(options) ?? deviceRules[`${type}:${kindOf(options, networkType)}`]?.(options);
}

export function isRootDisk(options: DeviceOptions): boolean {
  return options[deviceOption.type] === 'disk' && options[diskKeys.path.name] === '/' && !options[diskKeys.source.name];
}
