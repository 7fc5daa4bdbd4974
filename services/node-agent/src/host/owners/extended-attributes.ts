import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';

const libc = koffi.load('libc.so.6');
const llistxattr = libc.func('long llistxattr(const void *path, _Out_ void *list, size_t size)');
const lgetxattr = libc.func('long lgetxattr(const void *path, const char *name, _Out_ void *value, size_t size)');
const lsetxattr = libc.func('int lsetxattr(const void *path, const char *name, const void *value, size_t size, int flags)');

const listBytes = 65_536;
const list = Buffer.alloc(listBytes);
const value = Buffer.alloc(65_536);

/** Which of the wished attributes a file has; none on file systems without any. Never of what a symlink points to. `path` ends in a zero byte. */
export function attributesOf(path: Buffer, wished: readonly string[]): string[] {
  const length = Number(llistxattr(path, list, listBytes));
  if (length <= 0) return length === 0 || isWithout() ? [] : fail('listxattr', path);
  const names = list.toString('latin1', 0, length).split('\0');
  return wished.filter((name) => names.includes(name));
}

export function readAttribute(path: Buffer, name: string): Buffer {
  const length = Number(lgetxattr(path, name, value, value.length));
  return length < 0 ? fail('getxattr', path) : Buffer.from(value.subarray(0, length));
}

export function writeAttribute(path: Buffer, name: string, content: Buffer): void {
  if (Number(lsetxattr(path, name, content, content.length, 0)) < 0) fail('setxattr', path);
}

function isWithout(): boolean {
  return ['EOPNOTSUPP', 'ENOTSUP', 'ENOSYS'].includes(code());
}

function code(): string {
  return getSystemErrorName(-koffi.errno());
}

function fail(syscall: string, path: Buffer): never {
  throw Object.assign(new Error(`${code()}: ${syscall} '${path.toString('utf8', 0, path.length - 1)}'`), { code: code() });
}
