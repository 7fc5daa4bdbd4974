import { guardsVolatile, instanceKeys, isFalse, isGuardedVolatile, isTrue, projectKeys, valueOf, type ConfigKey } from '@asterism/config-keys';
import type { Config, Devices, InstanceFacts, ProfileFacts, ProjectFacts } from './facts.js';

const quote = (text: string): string => JSON.stringify(text);

/** Keys of either kind of instance that reach below the API, by the restriction that guards them. */
const lowLevel = {
  container: new Set(
    [
      instanceKeys.bootHostShutdownTimeout,
      instanceKeys.linuxKernelModules,
      instanceKeys.rawApparmor,
      instanceKeys.rawIdmap,
      instanceKeys.rawLxc,
      instanceKeys.rawSeccomp,
      instanceKeys.securityDevlxdImages,
      instanceKeys.securityIdmapBase,
      instanceKeys.securityIdmapSize,
    ].map((key) => key.name),
  ),
  'virtual-machine': new Set([instanceKeys.bootHostShutdownTimeout, instanceKeys.limitsMemoryHugepages, instanceKeys.rawIdmap, instanceKeys.rawQemu].map((key) => key.name)),
};

const interceptPrefix = 'security.syscalls.intercept.';
/** Mounting by interception is a matter of full trust. */
const mountIntercept = `${interceptPrefix}mount`;

type Kind = InstanceFacts['type'] | 'profile';

interface Subject {
  kind: Kind;
  name: string;
  config: Config;
  devices: Devices;
}

/** Why a restricted project refuses an instance, in LXD's words; undefined where it does not. */
export function forbiddenInstance(project: ProjectFacts, instance: InstanceFacts): string | undefined {
  return isRestricted(project.config) ? forbidden(project, { kind: instance.type, ...instance }) : undefined;
}

/** A profile counts as a part of containers and of virtual machines. */
export function forbiddenProfile(project: ProjectFacts, profile: ProfileFacts): string | undefined {
  return isRestricted(project.config) ? forbidden(project, { kind: 'profile', ...profile }) : undefined;
}

export function isRestricted(config: Config): boolean {
  return isTrue(config[projectKeys.restricted.name]);
}

function forbidden(project: ProjectFacts, subject: Subject): string | undefined {
  const where = `on ${subject.kind} ${quote(subject.name)} of project ${quote(project.name)}`;
  for (const [key, value] of Object.entries(subject.config)) {
    if (key === instanceKeys.rawIdmap.name && value.trim() === '') continue;
    if (isForbiddenLowLevel(project.config, subject.kind, key)) {
      const what = key === instanceKeys.rawIdmap.name ? `${quote(key)} element 0` : `config ${quote(key)}`;
      return `Use of low-level ${what} ${where} is forbidden`;
    }
    const reason = subject.kind === 'virtual-machine' ? undefined : forbiddenContainerValue(project.config, key, value);
    if (reason !== undefined) return `Invalid value ${quote(value)} for config ${quote(key)} ${where}: ${reason}`;
  }
  if (subject.kind === 'container' && mustBeIsolated(project.config) && !isTrue(subject.config[instanceKeys.securityIdmapIsolated.name])) {
    return `Invalid value ${quote(subject.config[instanceKeys.securityIdmapIsolated.name] ?? '')} for config ${quote(instanceKeys.securityIdmapIsolated.name)} ${where}: Non-isolated containers are forbidden`;
  }
  for (const [name, device] of Object.entries(subject.devices)) {
    const reason = forbiddenDevice(project.config, device);
    if (reason !== undefined) return `Invalid device ${quote(name)} ${where}: ${reason}`;
  }
  return undefined;
}

function allows(config: Config, key: ConfigKey): boolean {
  return valueOf(config, key) === 'allow';
}

function isForbiddenLowLevel(config: Config, kind: Kind, key: string): boolean {
  const { restrictedContainersLowlevel, restrictedVirtualMachinesLowlevel } = projectKeys;
  if (kind !== 'virtual-machine' && !allows(config, restrictedContainersLowlevel)) {
    if (lowLevel.container.has(key)) return true;
  }
  return kind !== 'container' && !allows(config, restrictedVirtualMachinesLowlevel) && (lowLevel['virtual-machine'].has(key) || key.startsWith('raw.qemu'));
}

function forbiddenContainerValue(config: Config, key: string, value: string): string | undefined {
  const privilege = valueOf(config, projectKeys.restrictedContainersPrivilege);
  if (key === instanceKeys.securityNesting.name && !allows(config, projectKeys.restrictedContainersNesting) && isTrue(value)) return 'Container nesting is forbidden';
  if (key === instanceKeys.securityPrivileged.name && privilege !== 'allow' && isTrue(value)) return 'Privileged containers are forbidden';
  if (key === instanceKeys.securityIdmapIsolated.name && privilege === 'isolated' && !isTrue(value)) return 'Non-isolated containers are forbidden';
  if (key.startsWith(interceptPrefix) && value !== '' && !isFalse(value) && !mayIntercept(config, key)) return 'Container syscall interception is forbidden';
  return undefined;
}

function mayIntercept(config: Config, key: string): boolean {
  const rule = valueOf(config, projectKeys.restrictedContainersInterception);
  return rule === 'full' || (rule === 'allow' && key !== mountIntercept && !key.startsWith(`${mountIntercept}.`));
}

function mustBeIsolated(config: Config): boolean {
  return valueOf(config, projectKeys.restrictedContainersPrivilege) === 'isolated';
}

const blockedTypes: Readonly<Record<string, { key: ConfigKey; reason: string }>> = {
  'unix-char': { key: projectKeys.restrictedDevicesUnixChar, reason: 'Unix character devices are forbidden' },
  'unix-block': { key: projectKeys.restrictedDevicesUnixBlock, reason: 'Unix block devices are forbidden' },
  'unix-hotplug': { key: projectKeys.restrictedDevicesUnixHotplug, reason: 'Unix hotplug devices are forbidden' },
  infiniband: { key: projectKeys.restrictedDevicesInfiniband, reason: 'Infiniband devices are forbidden' },
  gpu: { key: projectKeys.restrictedDevicesGpu, reason: 'GPU devices are forbidden' },
  usb: { key: projectKeys.restrictedDevicesUsb, reason: 'USB devices are forbidden' },
  pci: { key: projectKeys.restrictedDevicesPci, reason: 'PCI devices are forbidden' },
  proxy: { key: projectKeys.restrictedDevicesProxy, reason: 'Proxy devices are forbidden' },
};

function forbiddenDevice(config: Config, device: Config): string | undefined {
  const type = device['type'] ?? '';
  const blocked = blockedTypes[type];
  if (blocked) return allows(config, blocked.key) ? undefined : blocked.reason;
  if (type === 'nic') return forbiddenNic(config, device);
  if (type === 'disk') return forbiddenDisk(config, device);
  return undefined;
}

function forbiddenNic(config: Config, device: Config): string | undefined {
  const rule = valueOf(config, projectKeys.restrictedDevicesNic);
  if (rule === 'block') return 'Network devices are forbidden';
  return rule === 'managed' && !device['network'] ? 'Only managed network devices are allowed' : undefined;
}

function forbiddenDisk(config: Config, device: Config): string | undefined {
  if (device['path'] === '/' && device['pool']) return undefined;
  if (!device['path'] && device['source'] === 'cloud-init:config') return undefined;
  const rule = valueOf(config, projectKeys.restrictedDevicesDisk);
  if (rule === 'block') return 'Disk devices are forbidden';
  if (rule === 'managed') return device['pool'] ? undefined : 'Attaching disks not backed by a pool is forbidden';
  if (device['pool'] || isBelow(device['source'] ?? '', valueOf(config, projectKeys.restrictedDevicesDiskPaths))) return undefined;
  return `Disk source path ${quote(device['source'] ?? '')} not allowed`;
}

/** Whether a path is one of the comma separated paths or lies below one; an empty list allows every path. */
function isBelow(path: string, list: string): boolean {
  if (list === '') return true;
  if (path.split('/').includes('..')) return false;
  return list.split(',').some((allowed) => path === allowed || path.startsWith(allowed.endsWith('/') ? allowed : `${allowed}/`));
}

/** Why a user may not set these volatile keys; those that stay as they are do not count. */
export function forbiddenVolatile(project: ProjectFacts, instance: { name: string; type: InstanceFacts['type'] }, config: Config, current: Config): string | undefined {
  if (!guardsVolatile(project.config, instance.type)) return undefined;
  const bad = Object.keys(config).find((key) => isGuardedVolatile(key) && config[key] !== current[key]);
  return bad === undefined ? undefined : `Setting ${quote(bad)} on ${instance.type} ${quote(instance.name)} in project ${quote(project.name)} is forbidden`;
}
