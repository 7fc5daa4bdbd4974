import type { Validator } from '../validators.js';

/** The server's configuration words its refusals in its own way. */
export const serverBool: Validator = (value) =>
  ['true', '1', 'yes', 'on', 'false', '0', 'no', 'off'].includes(value.toLowerCase()) ? undefined : 'invalid boolean';

export const serverInteger: Validator = (value) => (/^[+-]?\d+$/.test(value) && Number.isSafeInteger(Number(value)) ? undefined : 'invalid integer');

export function serverIntegerWithin(accepts: (value: number) => boolean, reason: string): Validator {
  return (value) => serverInteger(value) ?? (accepts(Number(value)) ? undefined : reason);
}

/** Keys of old releases that only an empty value may be given to. */
export const deprecated: Validator = () => 'deprecated: use storage pool configuration';
