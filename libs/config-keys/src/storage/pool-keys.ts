import { validateConfig, type ConfigKey, type KeyTable } from '../key.js';
import { bool, size } from '../validators.js';
import { volumeKeys } from './volume-keys.js';

type Config = Readonly<Record<string, string>>;

const source = { name: 'source', type: 'string', description: 'Block device, loop file or directory', live: 'no' } as const satisfies ConfigKey;
const initialSource = { name: 'volatile.initial_source', type: 'string', description: 'Source as given at creation', live: 'internal' } as const satisfies ConfigKey;

const commonPoolKeys = {
  source,
  initialSource,
  rsyncBwlimit: { name: 'rsync.bwlimit', type: 'size', description: 'Limit of transfers by rsync', validate: size, defaultValue: '0', live: 'yes' },
  rsyncCompression: { name: 'rsync.compression', type: 'bool', description: 'Compress transfers by rsync', validate: bool, defaultValue: 'true', live: 'yes' },
  user: { name: 'user.*', type: 'string', description: 'Free metadata', live: 'yes' },
} satisfies KeyTable;

const poolVolumeKeys: KeyTable = Object.fromEntries(
  Object.entries(volumeKeys)
    .filter(([, key]) => !key.name.startsWith('volatile.') && !key.name.startsWith('user.'))
    .map(([name, key]) => [`volume.${name}`, { ...key, name: `volume.${key.name}` } satisfies ConfigKey]),
);

export const dirPoolKeys = { ...commonPoolKeys, ...poolVolumeKeys } satisfies KeyTable;

export const btrfsPoolKeys = {
  ...commonPoolKeys,
  ...poolVolumeKeys,
  size: { name: 'size', type: 'size', description: 'Size of the loop file', validate: size, live: 'no', condition: 'loop file' },
  mountOptions: { name: 'btrfs.mount_options', type: 'string', description: 'Mount options', defaultValue: 'user_subvol_rm_allowed', live: 'yes' },
} satisfies KeyTable;

export const poolKeys = { source, initialSource, size: btrfsPoolKeys.size, mountOptions: btrfsPoolKeys.mountOptions } as const;

const poolDrivers: Readonly<Record<string, KeyTable>> = { btrfs: btrfsPoolKeys, dir: dirPoolKeys };

export function isPoolDriver(driver: string): boolean {
  return Object.hasOwn(poolDrivers, driver);
}

/** Keys whose values belong to a member of the pool, not to the pool. */
export const memberPoolKeys: ReadonlySet<string> = new Set([source.name, initialSource.name, btrfsPoolKeys.size.name]);

/** Why a pool's config is refused, in LXD's words. */
export function invalidPoolConfig(driver: string, config: Config): string | undefined {
  const refused = validateConfig(poolDrivers[driver] ?? {}, config, {
    unknown: (key) => `Invalid option ${JSON.stringify(key)}`,
    invalid: (key, reason) => `Invalid value for option ${JSON.stringify(key)}: ${reason}`,
  });
  const broken = Object.keys(config).find((key) => !key.startsWith('user.') && /[\u0000-\u001f\u007f]/.test(config[key] ?? ''));
  return refused ?? (broken === undefined ? undefined : `Invalid value for option ${JSON.stringify(broken)}: must be a single line`);
}
