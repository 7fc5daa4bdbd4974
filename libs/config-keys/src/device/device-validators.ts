import type { Validator } from '../validators.js';

/** A uid or gid inside the instance. */
export const unixId: Validator = (value) => (/^\d{1,10}$/.test(value) && Number(value) < 2 ** 32 ? undefined : 'Invalid value for a UNIX ID');
