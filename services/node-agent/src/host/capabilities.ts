import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';

const libc = koffi.load('libc.so.6');
const lgetxattr = libc.func('long lgetxattr(const char *path, const char *name, _Out_ void *value, size_t size)');
const lsetxattr = libc.func('int lsetxattr(const char *path, const char *name, const void *value, size_t size, int flags)');

const attribute = 'security.capability';
const VERSION_2 = 0x02000000;
const VERSION_2_BYTES = 20;
const VERSION_MASK = 0xff000000;
const VERSION_3 = 0x03000000;

/** A file's capabilities as they hold for root itself; undefined where it has none. Those of a user namespace (version 3) lose its root. */
export function readCapability(path: string): Buffer | undefined {
  const value = Buffer.alloc(64);
  const length = Number(lgetxattr(path, attribute, value, value.length));
  if (length < VERSION_2_BYTES) return undefined;
  const capability = Buffer.from(value.subarray(0, VERSION_2_BYTES));
  const magic = capability.readUInt32LE(0);
  if ((magic & VERSION_MASK) >>> 0 === VERSION_3) capability.writeUInt32LE(((magic & ~VERSION_MASK) | VERSION_2) >>> 0, 0);
  return capability;
}

export function writeCapability(path: string, capability: Buffer): void {
  if (Number(lsetxattr(path, attribute, capability, capability.length, 0)) >= 0) return;
  const code = getSystemErrorName(-koffi.errno());
  throw Object.assign(new Error(`${code}: setxattr '${path}'`), { code });
}
