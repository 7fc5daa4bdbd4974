import type { KeyTable } from '../key.js';
import { bool, uint32 } from '../validators.js';

/** What an instance may do. */
export const securityKeys = {
  securityDevlxd: { name: 'security.devlxd', type: 'bool', description: 'Provide /dev/lxd', validate: bool, defaultValue: 'true', live: 'no', condition: 'container' },
  securityDevlxdImages: { name: 'security.devlxd.images', type: 'bool', description: 'Image download over /dev/lxd', validate: bool, defaultValue: 'false', live: 'no', condition: 'container' },
  securityIdmapBase: { name: 'security.idmap.base', type: 'integer', description: 'Fixed first host id', validate: uint32, live: 'no', condition: 'unprivileged container' },
  securityIdmapIsolated: { name: 'security.idmap.isolated', type: 'bool', description: 'Own id range not shared with others', validate: bool, defaultValue: 'false', live: 'no', condition: 'unprivileged container' },
  securityIdmapSize: { name: 'security.idmap.size', type: 'integer', description: 'Size of the id range', validate: uint32, live: 'no', condition: 'unprivileged container' },
  securityNesting: { name: 'security.nesting', type: 'bool', description: 'Allow containers inside the container', validate: bool, defaultValue: 'false', live: 'yes', condition: 'container' },
  securityPrivileged: { name: 'security.privileged', type: 'bool', description: 'Run without user namespace', validate: bool, defaultValue: 'false', live: 'no', condition: 'container' },
  securityProtectionDelete: { name: 'security.protection.delete', type: 'bool', description: 'Refuse deletion', validate: bool, defaultValue: 'false', live: 'yes', condition: 'container, VM' },
  securityProtectionShift: { name: 'security.protection.shift', type: 'bool', description: 'Refuse on-disk id shifting at start', validate: bool, defaultValue: 'false', live: 'yes', condition: 'container' },
  securitySecureboot: { name: 'security.secureboot', type: 'bool', description: 'UEFI secure boot with Microsoft keys', validate: bool, defaultValue: 'true', live: 'no', condition: 'VM' },
  securitySyscallsAllow: { name: 'security.syscalls.allow', type: 'string', description: 'Newline list of allowed syscalls', live: 'no', condition: 'container' },
  securitySyscallsDeny: { name: 'security.syscalls.deny', type: 'string', description: 'Newline list of denied syscalls', live: 'no', condition: 'container' },
  securitySyscallsDenyCompat: { name: 'security.syscalls.deny_compat', type: 'bool', description: 'Block compat syscalls', validate: bool, defaultValue: 'false', live: 'no', condition: 'container' },
  securitySyscallsDenyDefault: { name: 'security.syscalls.deny_default', type: 'bool', description: 'Apply the built-in deny list', validate: bool, defaultValue: 'true', live: 'no', condition: 'container' },
  securitySyscallsInterceptBpf: { name: 'security.syscalls.intercept.bpf', type: 'bool', description: 'Handle bpf()', validate: bool, defaultValue: 'false', live: 'no', condition: 'container' },
  securitySyscallsInterceptBpfDevices: { name: 'security.syscalls.intercept.bpf.devices', type: 'bool', description: 'Permit device cgroup programs through bpf interception', validate: bool, defaultValue: 'false', live: 'no', condition: 'container' },
  securitySyscallsInterceptMknod: { name: 'security.syscalls.intercept.mknod', type: 'bool', description: 'Handle mknod and mknodat', validate: bool, defaultValue: 'false', live: 'no', condition: 'container' },
  securitySyscallsInterceptMount: { name: 'security.syscalls.intercept.mount', type: 'bool', description: 'Handle mount', validate: bool, defaultValue: 'false', live: 'no', condition: 'container' },
  securitySyscallsInterceptMountAllowed: { name: 'security.syscalls.intercept.mount.allowed', type: 'list', description: 'Filesystems performed by the host', live: 'yes', condition: 'container' },
  securitySyscallsInterceptMountFuse: { name: 'security.syscalls.intercept.mount.fuse', type: 'list', description: 'Filesystems redirected to FUSE programs', live: 'yes', condition: 'container' },
  securitySyscallsInterceptMountShift: { name: 'security.syscalls.intercept.mount.shift', type: 'bool', description: 'Id shifting over intercepted mounts', validate: bool, defaultValue: 'false', live: 'yes', condition: 'container' },
  securitySyscallsInterceptSetxattr: { name: 'security.syscalls.intercept.setxattr', type: 'bool', description: 'Handle setxattr for safe attributes', validate: bool, defaultValue: 'false', live: 'no', condition: 'container' },
  securitySyscallsBlacklist: { name: 'security.syscalls.blacklist', type: 'string', description: 'Same as security.syscalls.deny', live: 'no', condition: 'container; legacy name' },
  securitySyscallsBlacklistCompat: { name: 'security.syscalls.blacklist_compat', type: 'bool', description: 'Same as security.syscalls.deny_compat', validate: bool, defaultValue: 'false', live: 'no', condition: 'container; legacy name' },
  securitySyscallsBlacklistDefault: { name: 'security.syscalls.blacklist_default', type: 'bool', description: 'Same as security.syscalls.deny_default', validate: bool, defaultValue: 'true', live: 'no', condition: 'container; legacy name' },
  securitySyscallsWhitelist: { name: 'security.syscalls.whitelist', type: 'string', description: 'Same as security.syscalls.allow', live: 'no', condition: 'container; legacy name' },
} satisfies KeyTable;
