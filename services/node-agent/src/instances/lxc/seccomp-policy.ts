import { instanceKeys } from '@asterism/config-keys';
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

/** The policy file of a container, in LXC's second format, as the reference writes it. */
export function seccompPolicy(config: Readonly<Record<string, string>>): string {
  const raw = config[instanceKeys.rawSeccomp.name];
  if (raw) return raw;
  const allowed = config[instanceKeys.securitySyscallsAllow.name] || config[instanceKeys.securitySyscallsWhitelist.name];
  if (allowed) return `${header}allowlist\n[all]\n${allowed.trimEnd()}\n`;
  const denyDefault = config[instanceKeys.securitySyscallsDenyDefault.name] ? instanceKeys.securitySyscallsDenyDefault : instanceKeys.securitySyscallsBlacklistDefault;
  const denied = config[instanceKeys.securitySyscallsDeny.name] || config[instanceKeys.securitySyscallsBlacklist.name];
  const base = isOn(config, denyDefault.name, true) ? defaultDenials : 'denylist\n[all]\n';
  return header + base + (denied ? `${denied.trimEnd()}\n` : '');
}
