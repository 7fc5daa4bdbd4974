import { invalidPoolConfig, isPoolDriver, memberPoolKeys, poolKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';

type Config = Readonly<Record<string, string>>;

/** Refuses a pool that cannot be made, in LXD's words and order; names that are taken are refused in between by the caller. */
export function requirePoolName(pool: { name: string; driver: string }): void {
  if (pool.name === '') throw new LxdError('bad-request', 'No name provided');
  if (pool.name.includes('/')) throw new LxdError('bad-request', 'Storage pool names may not contain slashes');
  if (pool.driver === '') throw new LxdError('bad-request', 'No driver provided');
}

export function requireValidPool(pool: { name: string; driver: string; config: Config }): void {
  if (/\s/.test(pool.name)) throw new LxdError('internal', 'Storage name cannot contain white space');
  if (pool.name === '.' || pool.name === '..' || /[\u0000-\u001f\u007f]/.test(pool.name) || Buffer.byteLength(pool.name) > 200) throw new LxdError('bad-request', `Invalid storage pool name ${JSON.stringify(pool.name)}`);
  if (!isPoolDriver(pool.driver)) throw new LxdError('internal', 'Unknown driver');
  const refused = invalidPoolConfig(pool.driver, pool.config);
  if (refused !== undefined) throw new LxdError('internal', refused);
}

export function requireValidChange(driver: string, config: Config): void {
  const refused = invalidPoolConfig(driver, config);
  if (refused !== undefined) throw new LxdError('bad-request', refused);
}

/** What a user asked for, apart: keys of the pool and keys of its member. */
export function splitConfig(config: Config): { pool: Record<string, string>; member: Record<string, string> } {
  const entries = Object.entries(config);
  return {
    pool: Object.fromEntries(entries.filter(([key]) => !memberPoolKeys.has(key))),
    member: Object.fromEntries(entries.filter(([key]) => memberPoolKeys.has(key))),
  };
}

/** A pool stays where it is. */
export function requireSameSource(before: Config, after: Config): void {
  const key = poolKeys.source.name;
  if ((before[key] ?? '') !== (after[key] ?? '')) throw new LxdError('internal', 'Pool source cannot be changed when not in pending state');
}
