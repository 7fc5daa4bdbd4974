import { oneOf, type Validator } from '../validators.js';

/** The server's configuration words its refusals in its own way. */
export const serverBool: Validator = (value) =>
  ['true', '1', 'yes', 'on', 'false', '0', 'no', 'off'].includes(value.toLowerCase()) ? undefined : 'invalid boolean';

export const serverInteger: Validator = (value) => (/^[+-]?\d+$/.test(value) && Number.isSafeInteger(Number(value)) ? undefined : 'invalid integer');

export function serverIntegerWithin(accepts: (value: number) => boolean, reason: string): Validator {
  return (value) => serverInteger(value) ?? (accepts(Number(value)) ? undefined : reason);
}

/** How long something is kept. */
export const days: Validator = serverIntegerWithin((count) => count >= 1 && count <= 3650, 'Value must be between 1 and 3650');

/** Keys of old releases that only an empty value may be given to. */
export const deprecated: Validator = () => 'deprecated: use storage pool configuration';

const compressors = ['none', 'bzip2', 'gzip', 'lz4', 'lzma', 'pbzip2', 'pigz', 'pzstd', 'squashfs', 'tar2sqfs', 'xz', 'zstd'];

/** A compressor by its name, with a level at most: it becomes a command of the host. */
export const compressor: Validator = (value) => {
  const [name = '', ...options] = value.split(' ');
  return compressors.includes(name) && options.every((option) => /^-\d{1,2}$/.test(option)) ? undefined : `Invalid compression algorithm ${JSON.stringify(value)}`;
};

export const architecture: Validator = oneOf('i686', 'x86_64', 'armv6l', 'armv7l', 'armv8l', 'aarch64', 'ppc', 'ppc64', 'ppc64le', 's390x', 'mips', 'mips64', 'riscv32', 'riscv64');
