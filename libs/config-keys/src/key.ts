import type { Validator } from './validators.js';

/** One configuration key, declared once; everything that is known of a key stands here. */
export interface ConfigKey {
  /** Exact name, or a pattern: an inner `*` stands for some characters ("volatile.*.hwaddr"), one at the end for any ("user.*"). */
  readonly name: string;
  readonly type: 'string' | 'bool' | 'integer' | 'size' | 'list' | 'blob';
  readonly description: string;
  /** Checks a value that is not empty; absent: any text. */
  readonly validate?: Validator;
  /** An empty value is refused too (keys are optional otherwise). */
  readonly required?: boolean;
  readonly defaultValue?: string;
  /** "yes": reaches running things at once; "no": at the next start; "internal": set by the server. */
  readonly live?: 'yes' | 'no' | 'internal';
  /** Where the key applies, in the reference's words ("container", "driver: btrfs", ...). */
  readonly condition?: string;
}

/** Keys of one kind of object by the name that code uses for them: `instanceKeys.limitsCpu.name`. */
export type KeyTable = Readonly<Record<string, ConfigKey>>;

/** How an object words its refusals; `reason` is the validator's sentence. */
export interface ConfigWords {
  unknown(key: string): string;
  invalid(key: string, reason: string): string;
}

interface KeyIndex {
  exact: Map<string, ConfigKey>;
  patterns: { matches: RegExp; key: ConfigKey }[];
}

const indexes = new WeakMap<KeyTable, KeyIndex>();

function indexOf(table: KeyTable): KeyIndex {
  const known = indexes.get(table);
  if (known) return known;
  const index: KeyIndex = { exact: new Map(), patterns: [] };
  for (const key of Object.values(table)) {
    if (key.name.includes('*')) index.patterns.push({ matches: patternToRegExp(key.name), key });
    else index.exact.set(key.name, key);
  }
  indexes.set(table, index);
  return index;
}

function patternToRegExp(pattern: string): RegExp {
  const parts = pattern.split('*').map((part) => part.replace(/[.\\+?^${}()|[\]]/g, '\\$&'));
  return new RegExp(`^${parts.join('.+').replace(/\.\+$/, '.*')}$`, 's');
}

/** The declaration a key of a config falls under: an exact name wins over a pattern. */
export function findKey(table: KeyTable, name: string): ConfigKey | undefined {
  const index = indexOf(table);
  return index.exact.get(name) ?? index.patterns.find((candidate) => candidate.matches.test(name))?.key;
}

/** The name of a pattern's key for one subject: `keyFor(instanceKeys.volatileHwaddr, 'eth0')` is "volatile.eth0.hwaddr". */
export function keyFor(key: ConfigKey, subject: string): string {
  return key.name.replace('*', () => subject);
}

/** The sentence that refuses the first bad key (in the keys' order), or undefined where all are good. */
export function validateConfig(table: KeyTable, config: Readonly<Record<string, string>>, words: ConfigWords): string | undefined {
  for (const name of Object.keys(config).sort()) {
    const key = findKey(table, name);
    if (!key) return words.unknown(name);
    const reason = invalidReason(key, config[name] ?? '');
    if (reason !== undefined) return words.invalid(name, reason);
  }
  return undefined;
}

/** Why a value does not suit its key, in the validator's words. */
export function invalidReason(key: ConfigKey, value: string): string | undefined {
  if (value === '' && !key.required) return undefined;
  return key.validate?.(value) ?? (value.includes('\0') ? 'Value cannot contain null bytes' : undefined);
}

/** A config's value, or the key's default ("" where it has none). */
export function valueOf(config: Readonly<Record<string, string>>, key: ConfigKey): string {
  return config[key.name] || key.defaultValue || '';
}

/** LXD's truth: "true", "1", "yes" and "on" in any case. */
export function isTrue(value: string | undefined): boolean {
  return value !== undefined && ['true', '1', 'yes', 'on'].includes(value.toLowerCase());
}

/** LXD's falsehood, for keys that are on unless switched off. */
export function isFalse(value: string | undefined): boolean {
  return value !== undefined && ['false', '0', 'no', 'off'].includes(value.toLowerCase());
}

export function isTrueKey(config: Readonly<Record<string, string>>, key: ConfigKey): boolean {
  return isTrue(valueOf(config, key));
}
