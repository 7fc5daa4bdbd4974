import { isTrue, validateConfig, type ConfigKey, type KeyTable } from '../key.js';
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

/** Whose config it is: profiles hold keys of both types, but none that the server sets; "expanded" is an instance's with its profiles'. */
export type ConfigOwner = 'container' | 'virtual-machine' | 'profile' | 'expanded';

/** Keys that mean something to one type only are unknown to the other. */
const tables: Readonly<Record<ConfigOwner, KeyTable>> = { container: keysFor('container'), 'virtual-machine': keysFor('VM'), profile: instanceKeys, expanded: instanceKeys };

function keysFor(type: string): KeyTable {
  return Object.fromEntries(Object.entries<ConfigKey>(instanceKeys).filter(([, key]) => key.condition === undefined || key.condition.includes(type)));
}

/** Why an instance's or a profile's config is refused, in LXD's words; undefined where it is good. */
export function invalidInstanceConfig(config: Readonly<Record<string, string>>, owner: ConfigOwner): string | undefined {
  const names = Object.keys(config);
  if (owner === 'profile') {
    if (names.some((name) => name.startsWith(volatilePrefix))) return 'Volatile keys can only be set on instances';
    if (names.some((name) => name.startsWith(imagePrefix))) return 'Image keys can only be set on instances';
  }
  return validateConfig(tables[owner], config, words) ?? controlCharacters(config) ?? contradiction(config);
}

/** Environment variables and properties end in generated files: no line breaks or other control characters in their names. */
function controlCharacters(config: Readonly<Record<string, string>>): string | undefined {
  const bad = Object.keys(config).find((name) => /[\u0000-\u001f\u007f]/.test(name));
  if (bad !== undefined) return `Unknown configuration key: ${bad}`;
  for (const name of Object.keys(config)) {
    if (!/[\u0000\n\r]/.test(config[name] ?? '')) continue;
    if (name.startsWith('environment.')) return 'Environment variables cannot contain line breaks';
    if (name.startsWith('nvidia.') || name.startsWith('limits.kernel.')) return `Invalid value for ${name}: must be a single line`;
  }
  return undefined;
}

/** "ext4=fuse2fs": which program inside mounts a type, where mounts are intercepted. A type is mounted by a program or by the host's kernel. */
function badMounts(config: Readonly<Record<string, string>>): string | undefined {
  const { securitySyscallsInterceptMount: mount, securitySyscallsInterceptMountAllowed: allowed, securitySyscallsInterceptMountFuse: fuse } = securityKeys;
  if (!isTrue(config[mount.name])) return undefined;
  const items = (key: ConfigKey): string[] => (config[key.name] ?? '').split(',').map((item) => item.trim()).filter(Boolean);
  const malformed = items(fuse).find((pair) => !/^[^=]+=[^=]+$/.test(pair));
  if (malformed !== undefined) return `${fuse.name} is not of the form 'filesystem=fuse-binary': ${malformed}`;
  const twice = items(fuse).map((pair) => pair.split('=')[0]!).find((name) => items(allowed).includes(name));
  return twice === undefined ? undefined : `Filesystem ${twice} cannot appear in ${allowed.name} and ${fuse.name}`;
}

/** Each pair is one key in its new and its old spelling. */
function bothSpellings(config: Readonly<Record<string, string>>): string | undefined {
  const { securitySyscallsAllow, securitySyscallsDeny, securitySyscallsDenyCompat, securitySyscallsDenyDefault } = securityKeys;
  const { securitySyscallsWhitelist, securitySyscallsBlacklist, securitySyscallsBlacklistCompat, securitySyscallsBlacklistDefault } = securityKeys;
  const pairs: [ConfigKey, ConfigKey][] = [
    [securitySyscallsAllow, securitySyscallsWhitelist],
    [securitySyscallsDeny, securitySyscallsBlacklist],
    [securitySyscallsDenyCompat, securitySyscallsBlacklistCompat],
    [securitySyscallsDenyDefault, securitySyscallsBlacklistDefault],
  ];
  const both = pairs.find((pair) => pair.every(({ name }) => config[name]));
  return both && `Mutually exclusive keys ${both[0].name} and ${both[1].name} are set`;
}

function contradiction(config: Readonly<Record<string, string>>): string | undefined {
  const twice = bothSpellings(config);
  if (twice !== undefined) return twice;
  const denies = syscallDenials.some((key) => config[key.name]);
  const allows = syscallAllowances.some((key) => config[key.name]);
  if (config[rawKeys.rawSeccomp.name] && (denies || allows)) return 'raw.seccomp is mutually exclusive with security.syscalls*';
  if (allows && denies) return 'security.syscalls.allow is mutually exclusive with security.syscalls.deny*';
  if (isTrue(config[rawKeys.nvidiaRuntime.name]) && isTrue(config[securityKeys.securityPrivileged.name])) return 'nvidia.runtime is incompatible with privileged containers';
  return badMounts(config);
}
