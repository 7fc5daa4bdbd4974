import { instanceKeys } from '@asterism/config-keys';
import { notices } from './interception-policy.js';
import { isOn } from './lxc-config.js';

const header = '2\n';
const defaultDenials = `denylist
[all]
reject_force_umount  # comment this to allow umount -f;  not recommended
[all]
kexec_load errno 38
open_by_handle_at errno 38
init_module errno 38
finit_module errno 38
delete_module errno 38
`;

/** Entries of the kernel for programs of another word size, by the names the reference denies. */
const compatEntries = [
  ...words('compat_sys_', 'rt_sigaction ioctl readv writev recvfrom sendmsg recvmsg ptrace rt_sigpending rt_sigtimedwait rt_sigqueueinfo sigaltstack timer_create mq_notify kexec_load waitid'),
  ...words('compat_sys_', 'set_robust_list get_robust_list vmsplice move_pages preadv64 pwritev64 rt_tgsigqueueinfo recvmmsg sendmmsg process_vm_readv process_vm_writev setsockopt getsockopt io_setup io_submit'),
  ...words('stub_x32_', 'rt_sigreturn execve execveat'),
];

function words(prefix: string, names: string): string[] {
  return names.split(' ').map((name) => prefix + name);
}

/** The policy file of a container, in LXC's second format, as the reference writes it. */
export function seccompPolicy(config: Readonly<Record<string, string>>, architecture: string): string {
  const raw = config[instanceKeys.rawSeccomp.name];
  if (raw) return raw;
  const allowed = config[instanceKeys.securitySyscallsAllow.name] || config[instanceKeys.securitySyscallsWhitelist.name];
  if (allowed) return `${header}allowlist\n[all]\n${allowed.trimEnd()}\n${notices(config)}`;
  const denyDefault = config[instanceKeys.securitySyscallsDenyDefault.name] ? instanceKeys.securitySyscallsDenyDefault : instanceKeys.securitySyscallsBlacklistDefault;
  const denied = config[instanceKeys.securitySyscallsDeny.name] || config[instanceKeys.securitySyscallsBlacklist.name];
  const base = isOn(config, denyDefault.name, true) ? defaultDenials : 'denylist\n[all]\n';
  const { securitySyscallsDenyCompat, securitySyscallsBlacklistCompat } = instanceKeys;
  const deniesCompat = isOn(config, securitySyscallsDenyCompat.name) || isOn(config, securitySyscallsBlacklistCompat.name);
  const compat = deniesCompat ? `[${architecture}]\n${compatEntries.map((name) => `${name} errno 38\n`).join('')}` : '';
  return header + base + notices(config) + compat + (denied ? `${deniesCompat ? '[all]\n' : ''}${denied.trimEnd()}\n` : '');
}
