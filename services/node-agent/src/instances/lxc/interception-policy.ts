import { instanceKeys } from '@asterism/config-keys';
import type { IdRange } from '../../devices/device.js';
import type { InterceptionPolicy } from '../../host/interceptor/policy.js';
import { isOn } from './lxc-config.js';

const { securitySyscallsInterceptMknod, securitySyscallsInterceptSetxattr, securitySyscallsInterceptMount, securitySyscallsInterceptBpf, securitySyscallsInterceptBpfDevices } = instanceKeys;
const { securitySyscallsInterceptMountAllowed, securitySyscallsInterceptMountFuse, securitySyscallsInterceptMountShift } = instanceKeys;
const intercepting = [securitySyscallsInterceptMknod, securitySyscallsInterceptSetxattr, securitySyscallsInterceptMount, securitySyscallsInterceptBpf];

/** Whether calls of a container are handled at all: a privileged one needs nobody. */
export function intercepts(config: Readonly<Record<string, string>>): boolean {
  return !isOn(config, instanceKeys.securityPrivileged.name) && intercepting.some(({ name }) => isOn(config, name));
}

/** Directories of the host. */
export interface Places {
  /** Of the nodes of its devices. */
  devices: string;
  cgroups: readonly string[];
  /** Undefined where the host has no unified tree. */
  unifiedCgroup: string | undefined;
}

/** What a container may have done for it. */
export function interceptionPolicy(config: Readonly<Record<string, string>>, idmap: readonly IdRange[], places: Places): InterceptionPolicy {
  const mount = {
    filesystems: words(config[securitySyscallsInterceptMountAllowed.name]),
    fuse: Object.fromEntries(words(config[securitySyscallsInterceptMountFuse.name]).map((pair) => pair.split('=', 2) as [string, string])),
    shift: isOn(config, securitySyscallsInterceptMountShift.name),
    devices: places.devices,
    cgroups: places.cgroups,
  };
  return {
    idmap,
    mknod: isOn(config, securitySyscallsInterceptMknod.name),
    setxattr: isOn(config, securitySyscallsInterceptSetxattr.name),
    mount: isOn(config, securitySyscallsInterceptMount.name) ? mount : undefined,
    bpfDevices: isOn(config, securitySyscallsInterceptBpf.name) && isOn(config, securitySyscallsInterceptBpfDevices.name) ? places.unifiedCgroup : undefined,
  };
}

function words(list: string | undefined): string[] {
  return (list ?? '').split(',').map((word) => word.trim()).filter(Boolean);
}

/** Calls with a new filter that hears of calls, or that traces, would escape ours. */
const keepsOurs = `seccomp errno 22 [1,2146435072,SCMP_CMP_MASKED_EQ,2146435072]
seccomp errno 22 [1,8,SCMP_CMP_MASKED_EQ,8]
`;

/** Nodes of devices only, by the file type in the mode. */
const mknodNotices = `mknod notify [1,8192,SCMP_CMP_MASKED_EQ,61440]
mknod notify [1,24576,SCMP_CMP_MASKED_EQ,61440]
mknodat notify [2,8192,SCMP_CMP_MASKED_EQ,61440]
mknodat notify [2,24576,SCMP_CMP_MASKED_EQ,61440]
`;

/** New mounts only; those of the newer calls, which cannot be read in one go, are refused so that programs fall back. */
const mountNotices = `mount notify [3,0,SCMP_CMP_MASKED_EQ,18446744070422410016]
${['fsopen', 'fsconfig', 'fsinfo', 'fsmount', 'fspick', 'open_tree', 'move_mount', 'openat2'].map((name) => `${name} errno 38\n`).join('')}`;

/** Loading, attaching and detaching of programs. */
const bpfNotices = `bpf notify [0,5,SCMP_CMP_EQ]
bpf notify [0,8,SCMP_CMP_EQ]
bpf notify [0,9,SCMP_CMP_EQ]
`;

/** The lines of a seccomp policy that let calls be handled, as the reference writes them. */
export function notices(config: Readonly<Record<string, string>>): string {
  if (!intercepts(config)) return '';
  return [
    keepsOurs,
    isOn(config, securitySyscallsInterceptMknod.name) ? mknodNotices : '',
    isOn(config, securitySyscallsInterceptSetxattr.name) ? 'setxattr notify [3,1,SCMP_CMP_EQ]\n' : '',
    isOn(config, securitySyscallsInterceptMount.name) ? mountNotices : '',
    isOn(config, securitySyscallsInterceptBpf.name) ? bpfNotices : '',
  ].join('');
}
