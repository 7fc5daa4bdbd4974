import { isTrue, validateConfig, type KeyTable } from '../key.js';
import { uuid } from '../validators.js';
import { bootKeys } from './boot-keys.js';
import { limitsKeys } from './limits-keys.js';
import { rawKeys } from './raw-keys.js';
import { securityKeys } from './security-keys.js';
import { volatileKeys } from './volatile-keys.js';

/** Every key of an instance's config. */
export const instanceKeys = {
  ...bootKeys,
  ...limitsKeys,
  ...rawKeys,
  ...securityKeys,
  ...volatileKeys,
  volatileCloudInitInstanceId: { name: 'volatile.cloud-init.instance-id', type: 'string', description: 'Identity that cloud-init sees', validate: uuid, live: 'internal' },
} satisfies KeyTable;

export const volatilePrefix = 'volatile.';
export const imagePrefix = 'image.';

const words = {
  unknown: (key: string) => `Unknown configuration key: ${key}`,
  invalid: (_key: string, reason: string) => reason,
};
const syscallDenials = [
  securityKeys.securitySyscallsDeny,
  securityKeys.securitySyscallsDenyCompat,
  securityKeys.securitySyscallsDenyDefault,
  securityKeys.securitySyscallsBlacklist,
  securityKeys.securitySyscallsBlacklistCompat,
  securityKeys.securitySyscallsBlacklistDefault,
];
const syscallAllowances = [securityKeys.securitySyscallsAllow, securityKeys.securitySyscallsWhitelist];

/** Why an instance's or a profile's config is refused, in LXD's words; undefined where it is good. */
export function invalidInstanceConfig(config: Readonly<Record<string, string>>, owner: 'instance' | 'profile'): string | undefined {
  const names = Object.keys(config);
  if (owner === 'profile') {
    if (names.some((name) => name.startsWith(volatilePrefix))) return 'Volatile keys can only be set on instances';
    if (names.some((name) => name.startsWith(imagePrefix))) return 'Image keys can only be set on instances';
  }
  return validateConfig(instanceKeys, config, words) ?? controlCharacters(config) ?? contradiction(config);
}

/** Environment variables and properties end in generated files: no line breaks or other control characters in their names. */
function controlCharacters(config: Readonly<Record<string, string>>): string | undefined {
  const bad = Object.keys(config).find((name) => /[\u0000-\u001f\u007f]/.test(name));
  if (bad !== undefined) return `Unknown configuration key: ${bad}`;
  for (const name of Object.keys(config)) {
    const oneLine = name.startsWith('environment.') || name.startsWith('nvidia.') || name.startsWith('limits.kernel.');
    if (oneLine && /[\u0000\n\r]/.test(config[name] ?? '')) return `Invalid value for ${name}: must be a single line`;
  }
  return undefined;
}

function contradiction(config: Readonly<Record<string, string>>): string | undefined {
  const denies = syscallDenials.some((key) => config[key.name]);
  const allows = syscallAllowances.some((key) => config[key.name]);
  if (config[rawKeys.rawSeccomp.name] && (denies || allows)) return 'raw.seccomp is mutually exclusive with security.syscalls*';
  if (allows && denies) return 'security.syscalls.allow is mutually exclusive with security.syscalls.deny*';
  if (isTrue(config[rawKeys.nvidiaRuntime.name]) && isTrue(config[securityKeys.securityPrivileged.name])) return 'nvidia.runtime is incompatible with privileged containers';
  return undefined;
}
