import { instanceKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { IdRange, LxcEntry } from '../../devices/device.js';
import { apparmorRules } from './apparmor-profile.js';

/** Everything that decides a container's configuration; plain data, gathered by the start. */
export interface ContainerPlan {
  /** Of uts. */
  hostname: string;
  /** LXD's name ("x86_64"). */
  architecture: string;
  /** Expanded. */
  config: Readonly<Record<string, string>>;
  /** Empty: privileged. */
  idmap: readonly IdRange[];
  /** Its files carry the guest's own ids, which the mount of the root file system shows as the container's. */
  idmapped: boolean;
  rootfs: string;
  logDirectory: string;
  seccompPolicy: string;
  /** From `Interception`. */
  interception: readonly LxcEntry[];
  /** Its group below the root of every cgroup tree, without a leading slash. */
  cgroup: string;
  /** From `cgroupLimits`. */
  limits: readonly LxcEntry[];
  /** What the devices add, in their order. */
  devices: readonly LxcEntry[];
  /** One list per network interface, keys without "lxc.net.<n>.". */
  nics: readonly (readonly LxcEntry[])[];
  /** Files or directories of the distribution's LXC configuration to include. */
  includes: readonly string[];
  apparmor: boolean;
}

const personalities: Record<string, string> = { x86_64: 'linux64', aarch64: 'linux64', ppc64le: 'linux64', s390x: 'linux64', riscv64: 'linux64', i686: 'linux32', armv7l: 'linux32' };

/** What the reference binds from the host when it is there. */
const hostMounts: LxcEntry[] = [
  ['/dev/fuse', 'dev/fuse none bind,create=file,optional'],
  ['/dev/net/tun', 'dev/net/tun none bind,create=file,optional'],
  ['/proc/sys/fs/binfmt_misc', 'proc/sys/fs/binfmt_misc none rbind,create=dir,optional'],
  ['/sys/fs/fuse/connections', 'sys/fs/fuse/connections none rbind,create=dir,optional'],
  ['/sys/fs/pstore', 'sys/fs/pstore none rbind,create=dir,optional'],
  ['/sys/kernel/debug', 'sys/kernel/debug none rbind,create=dir,optional'],
  ['/sys/kernel/security', 'sys/kernel/security none rbind,create=dir,optional'],
  ['/sys/kernel/tracing', 'sys/kernel/tracing none rbind,create=dir,optional'],
].map(([source, rest]) => ['lxc.mount.entry', `${source} ${rest} 0 0`]);

const allowedDevices = ['b *:* m', 'c *:* m', 'c 136:* rwm', 'c 1:3 rwm', 'c 1:5 rwm', 'c 1:7 rwm', 'c 1:8 rwm', 'c 1:9 rwm', 'c 5:0 rwm', 'c 5:1 rwm', 'c 5:2 rwm', 'c 10:229 rwm', 'c 10:200 rwm'];

/** The container's configuration as LXC reads it. Throws when a value would break out of its line. */
export function lxcConfig(plan: ContainerPlan): string {
  const entries = [...base(plan), ...isolation(plan), ...environment(plan.config), ...nvidia(plan.config), ...kernelLimits(plan.config), ...plan.limits, ...plan.devices];
  plan.nics.forEach((nic, index) => entries.push(...nic.map(([key, value]): LxcEntry => [`lxc.net.${index}.${key}`, value])));
  if (plan.nics.length === 0) entries.push(['lxc.net.0.type', 'empty']);
  entries.push(['lxc.rootfs.path', `dir:${plan.rootfs}`]);
  if (plan.idmapped) entries.push(['lxc.rootfs.options', 'idmap=container']);
  return entries.map(line).join('') + rawLines(plan.config[instanceKeys.rawLxc.name] ?? '');
}

function base(plan: ContainerPlan): LxcEntry[] {
  return [
    ['lxc.log.file', `${plan.logDirectory}/lxc.log`],
    ['lxc.log.level', 'warn'],
    ['lxc.console.buffer.size', 'auto'],
    ['lxc.console.size', 'auto'],
    ['lxc.console.logfile', `${plan.logDirectory}/console.log`],
    ['lxc.mount.auto', plan.idmap.length > 0 ? 'proc:rw sys:rw cgroup:mixed' : 'proc:mixed sys:mixed cgroup:mixed'],
    ['lxc.autodev', '1'],
    ['lxc.pty.max', '1024'],
    ['lxc.tty.max', '0'],
    ...hostMounts,
    ...nesting(plan.config),
    ...plan.includes.map((path): LxcEntry => ['lxc.include', path]),
    ['lxc.arch', personalities[plan.architecture] ?? 'linux64'],
    ['lxc.uts.name', plan.hostname],
    ['lxc.cgroup.dir.container', `${plan.cgroup}/payload`],
    ['lxc.cgroup.dir.monitor', `${plan.cgroup}/monitor`],
  ];
}

function nesting(config: ContainerPlan['config']): LxcEntry[] {
  if (!isOn(config, instanceKeys.securityNesting.name)) return [];
  return [
    ['lxc.mount.entry', 'proc dev/.lxc/proc proc create=dir,optional 0 0'],
    ['lxc.mount.entry', 'sys dev/.lxc/sys sysfs create=dir,optional 0 0'],
  ];
}

function isolation(plan: ContainerPlan): LxcEntry[] {
  const entries: LxcEntry[] = [['lxc.seccomp.profile', plan.seccompPolicy], ...plan.interception];
  if (plan.apparmor) {
    entries.push(['lxc.apparmor.profile', 'generated']);
    if (isOn(plan.config, instanceKeys.securityNesting.name)) entries.push(['lxc.apparmor.allow_nesting', '1']);
    entries.push(...apparmorRules(plan.config).map((rule): LxcEntry => ['lxc.apparmor.raw', rule]));
  }
  for (const range of plan.idmap) {
    if (range.isUid) entries.push(['lxc.idmap', `u ${range.nsId} ${range.hostId} ${range.range}`]);
    if (range.isGid) entries.push(['lxc.idmap', `g ${range.nsId} ${range.hostId} ${range.range}`]);
  }
  if (plan.idmap.length === 0) entries.push(['lxc.cap.drop', 'sys_time sys_module sys_rawio mac_admin mac_override']);
  if (!hasDeviceRules(plan.config, plan.idmap)) return entries;
  for (const tree of ['lxc.cgroup.devices', 'lxc.cgroup2.devices']) {
    entries.push([`${tree}.deny`, 'a'], ...allowedDevices.map((device): LxcEntry => [`${tree}.allow`, device]));
  }
  return entries;
}

/**
 * Whether what a container may open is listed: it could make nodes of other devices itself, or bring them along in a file system that the host mounts
 * for it.
 */
export function hasDeviceRules(config: ContainerPlan['config'], idmap: readonly IdRange[]): boolean {
  return idmap.length === 0 || isOn(config, instanceKeys.securitySyscallsInterceptMount.name);
}

function environment(config: ContainerPlan['config']): LxcEntry[] {
  const prefix = 'environment.';
  return Object.entries(config)
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, value]) => ['lxc.environment', `${key.slice(prefix.length)}=${value}`]);
}

/** LXC's hook, which has the tools of NVIDIA put the libraries of the host's driver into a container as it is mounted. */
export const nvidiaHook = '/usr/share/lxc/hooks/nvidia';

/** What the hook is told; nodes of devices are not its business. */
function nvidia(config: ContainerPlan['config']): LxcEntry[] {
  if (!isOn(config, instanceKeys.nvidiaRuntime.name)) return [];
  const { nvidiaDriverCapabilities, nvidiaRequireCuda, nvidiaRequireDriver } = instanceKeys;
  const told = (variable: string, value: string | undefined): LxcEntry[] => (value ? [['lxc.environment', `${variable}=${value}`]] : []);
  return [
    ['lxc.environment', 'NVIDIA_VISIBLE_DEVICES=none'],
    ...told('NVIDIA_DRIVER_CAPABILITIES', config[nvidiaDriverCapabilities.name] || nvidiaDriverCapabilities.defaultValue),
    ...told('NVIDIA_REQUIRE_CUDA', config[nvidiaRequireCuda.name]),
    ...told('NVIDIA_REQUIRE_DRIVER', config[nvidiaRequireDriver.name]),
    ['lxc.hook.mount', nvidiaHook],
  ];
}

function kernelLimits(config: ContainerPlan['config']): LxcEntry[] {
  const prefix = 'limits.kernel.';
  return Object.entries(config)
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, value]) => [`lxc.prlimit.${key.slice(prefix.length)}`, value]);
}

function line([key, value]: LxcEntry): string {
  if (/[\u0000-\u001f\u007f]/.test(key + value) || /[\s=#]/.test(key)) throw new LxdError('bad-request', `Invalid value for ${key.replace(/[^\w.-]/g, '?')}: must be a single line`);
  return `${key} = ${value}\n`;
}

/** raw.lxc is the administrator's own text, several lines of it; restricted projects refuse the key. */
function rawLines(text: string): string {
  if (text.includes('\0')) throw new LxdError('bad-request', `Invalid value for ${instanceKeys.rawLxc.name}`);
  return text === '' ? '' : `${text.trimEnd()}\n`;
}

export function isOn(config: Readonly<Record<string, string>>, key: string, otherwise = false): boolean {
  const value = config[key];
  return value === undefined || value === '' ? otherwise : ['true', '1', 'yes', 'on'].includes(value.toLowerCase());
}
