import { sortedMap, withoutEmpty } from '@asterism/api';
import { invalidServerConfig, serverKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import { hashPassword } from './trust-password.js';

type Config = Readonly<Record<string, string>>;

const passwordKey = serverKeys.coreTrustPassword.name;
/** What readers see in the place of a password, and send back when they do not mean to change it. */
const shownPassword = 'true';

/** The configuration as the API shows it: that there is a password, not which. */
export function renderConfig(config: Config): Record<string, string | boolean> {
  return sortedMap<string | boolean>(config[passwordKey] === undefined ? config : { ...config, [passwordKey]: true });
}

/** What a request makes of the present configuration; a new password is hashed. */
export async function changeConfig(current: Config, wanted: Config, merge: boolean): Promise<Record<string, string>> {
  const invalid = invalidServerConfig(wanted);
  if (invalid !== undefined) throw new LxdError('bad-request', invalid);
  const next: Record<string, string> = withoutEmpty(merge ? { ...current, ...wanted } : { ...wanted });
  const password = wanted[passwordKey];
  if (password === shownPassword) delete next[passwordKey];
  else if (password) next[passwordKey] = await hashPassword(password);
  if (password === shownPassword && current[passwordKey]) next[passwordKey] = current[passwordKey];
  return next;
}

export function changedKeys(before: Config, after: Config): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((key) => before[key] !== after[key]).sort();
}
