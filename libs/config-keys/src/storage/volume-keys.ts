import { validateConfig, type KeyTable } from '../key.js';
import { snapshotExpiry } from '../instance/instance-validators.js';
import { bool, int64, size, type Validator } from '../validators.js';

type Config = Readonly<Record<string, string>>;

const aliases = ['@hourly', '@daily', '@midnight', '@weekly', '@monthly', '@annually', '@yearly', '@never'];
const cronFields = /^\S+(?: \S+){4}$/;

/** A cron line, or aliases separated by commas. */
const snapshotSchedule: Validator = (value) => {
  const isAliases = value.split(/\s*,\s*/).every((alias) => aliases.includes(alias));
  return isAliases || cronFields.test(value.trim()) ? undefined : 'Schedule must be of the form: <minute> <hour> <day-of-month> <month> <day-of-week>';
};

/** Keys of volumes that every kind of pool knows; a pool's `volume.<key>` is their default. */
export const volumeKeys = {
  size: { name: 'size', type: 'size', description: 'Size', validate: size, live: 'yes' },
  securityShifted: { name: 'security.shifted', type: 'bool', description: 'Ids are shifted at mount, so that several instances may share it', validate: bool, defaultValue: 'false', live: 'no', condition: 'custom volume' },
  securityUnmapped: { name: 'security.unmapped', type: 'bool', description: 'No id mapping', validate: bool, defaultValue: 'false', live: 'no', condition: 'custom volume' },
  snapshotsExpiry: { name: 'snapshots.expiry', type: 'string', description: 'Lifetime of snapshots', validate: snapshotExpiry, live: 'yes', condition: 'custom volume' },
  snapshotsPattern: { name: 'snapshots.pattern', type: 'string', description: 'Names of snapshots', defaultValue: 'snap%d', live: 'yes', condition: 'custom volume' },
  snapshotsSchedule: { name: 'snapshots.schedule', type: 'string', description: 'When to snapshot', validate: snapshotSchedule, live: 'yes', condition: 'custom volume' },
  volatileIdmapLast: { name: 'volatile.idmap.last', type: 'string', description: 'Ids on disk', live: 'internal' },
  volatileIdmapNext: { name: 'volatile.idmap.next', type: 'string', description: 'Ids of the next attach', live: 'internal' },
  volatileRootfsSize: { name: 'volatile.rootfs.size', type: 'integer', description: 'Size of an unpacked image', validate: int64, live: 'internal', condition: 'image volume' },
  user: { name: 'user.*', type: 'string', description: 'Free metadata', live: 'yes' },
} satisfies KeyTable;

/** Keys that users' volumes have not. */
const { volatileRootfsSize: _ofImages, ...customVolumeKeys } = volumeKeys;

/** Why a custom volume's config is refused, in LXD's words; `volume` is its name on disk. */
export function invalidVolumeConfig(volume: string, config: Config): string | undefined {
  const name = JSON.stringify(volume);
  return validateConfig(customVolumeKeys, config, {
    unknown: (key) => `Invalid option for volume ${name} option ${JSON.stringify(key)}`,
    invalid: (key, reason) => `Invalid value for volume ${name} option ${JSON.stringify(key)}: ${reason}`,
  });
}

const poolDefault = /^volume\.(.+)$/;

/** A new custom volume's config with the pool's defaults where it has none of its own. */
export function withPoolDefaults(config: Config, pool: Config): Record<string, string> {
  const filled = { ...config };
  for (const [key, value] of Object.entries(pool)) {
    const name = poolDefault.exec(key)?.[1];
    if (name !== undefined && value !== '' && !filled[name]) filled[name] = value;
  }
  return filled;
}
