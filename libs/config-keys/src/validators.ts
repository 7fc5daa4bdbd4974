import { parseSize } from './size.js';

/** Says why a value is refused (LXD's sentence), or undefined where it is good. */
export type Validator = (value: string) => string | undefined;

const quote = (value: string): string => JSON.stringify(value);

export const any: Validator = () => undefined;
export const notEmpty: Validator = (value) => (value === '' ? 'Required value' : undefined);

export const bool: Validator = (value) =>
  ['true', '1', 'yes', 'on', 'false', '0', 'no', 'off'].includes(value.toLowerCase()) ? undefined : `Invalid value for a boolean ${quote(value)}`;

function integerWithin(value: string, min: bigint, max: bigint): bigint | undefined {
  if (!/^[+-]?\d+$/.test(value)) return undefined;
  const number = BigInt(value.replace(/^\+/, ''));
  return number >= min && number <= max ? number : undefined;
}

export const int64: Validator = (value) => (integerWithin(value, -(2n ** 63n), 2n ** 63n - 1n) === undefined ? `Invalid value for an integer ${quote(value)}` : undefined);

export const uint8: Validator = (value) => (integerWithin(value, 0n, 255n) === undefined ? `Invalid value for an integer ${quote(value)}. Must be between 0 and 255` : undefined);

export const uint32: Validator = (value) => {
  if (!/^\d+$/.test(value)) return `Invalid value for uint32 ${quote(value)}: strconv.ParseUint: parsing ${quote(value)}: invalid syntax`;
  return BigInt(value) > 2n ** 32n - 1n ? `Invalid value for uint32 ${quote(value)}: strconv.ParseUint: parsing ${quote(value)}: value out of range` : undefined;
};

/** 0 to 10, as LXD's priorities. */
export const priority: Validator = (value) => {
  const number = integerWithin(value, -(2n ** 63n), 2n ** 63n - 1n);
  if (number === undefined) return `Invalid value for an integer ${quote(value)}`;
  return number < 0n || number > 10n ? `Invalid value for a limit ${quote(value)}. Must be between 0 and 10` : undefined;
};

export function integerRange(min: number, max: number): Validator {
  return (value) => {
    const number = integerWithin(value, -(2n ** 63n), 2n ** 63n - 1n);
    if (number === undefined) return `Invalid value for an integer ${quote(value)}`;
    return number < BigInt(min) || number > BigInt(max) ? `Value isn't within valid range. Must be between ${min} and ${max}` : undefined;
  };
}

export const size: Validator = (value) => (parseSize(value) === undefined ? `Invalid value: ${value}` : undefined);

export const sizeOrPercent: Validator = (value) => {
  if (!value.endsWith('%')) return size(value);
  const number = value.slice(0, -1);
  return integerWithin(number, -(2n ** 63n), 2n ** 63n - 1n) === undefined ? `strconv.ParseInt: parsing ${quote(number)}: invalid syntax` : undefined;
};

export function oneOf(...allowed: readonly string[]): Validator {
  return (value) => (allowed.includes(value) ? undefined : `Invalid value ${quote(value)} (not one of [${allowed.join(' ')}])`);
}

/** Every item of a comma separated list. */
export function listOf(item: Validator): Validator {
  return (value) => {
    for (const part of value.split(',').map((text) => text.trim())) {
      const reason = item(part);
      if (reason !== undefined) return `Item ${quote(part)}: ${reason}`;
    }
    return undefined;
  };
}

/** The first validator's reason unless one of them is content. */
export function either(...validators: readonly Validator[]): Validator {
  return (value) => {
    const reasons = validators.map((validate) => validate(value));
    return reasons.includes(undefined) ? undefined : reasons.at(-1);
  };
}

export function matching(pattern: RegExp, reason: (value: string) => string): Validator {
  return (value) => (pattern.test(value) ? undefined : reason(value));
}

export const uuid = matching(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i, () => 'Invalid UUID');
export const absolutePath = matching(/^\//, () => 'Must be absolute file path');

/** Text that lands in generated configuration files: no control characters. */
export const singleLine = matching(/^[^\u0000-\u001f\u007f]*$/, () => 'Value contains control characters');

export const interfaceName: Validator = (value) => {
  if (value.length < 2) return 'Network interface is too short (minimum 2 characters)';
  if (value.length > 15) return 'Network interface is too long (maximum 15 characters)';
  if (value === '..') return 'Network interface contains invalid characters';
  return /^[-_a-zA-Z0-9.]+$/.test(value) ? undefined : 'Network interface contains invalid characters';
};

export const mac = matching(/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i, () => 'Invalid MAC address, must be 6 bytes of hex separated by colons');

export const vlan: Validator = (value) => {
  const number = integerWithin(value, -(2n ** 31n), 2n ** 31n);
  if (number === undefined) return `Invalid VLAN ID ${quote(value)}`;
  return number < 0n || number > 4094n ? `Out of VLAN ID range (0-4094) ${quote(value)}` : undefined;
};

export const mtu: Validator = (value) => {
  const number = integerWithin(value, 0n, 2n ** 32n - 1n);
  if (number === undefined) return `Invalid MTU ${quote(value)}`;
  return number < 1280n || number > 16384n ? `Out of MTU range (1280-16384) ${quote(value)}` : undefined;
};
