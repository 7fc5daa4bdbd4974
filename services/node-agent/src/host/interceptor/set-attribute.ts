import { closeSync, constants, fstatSync } from 'node:fs';
import koffi from 'koffi';
import { atPlaceOf, check, isDenied, openHere, withOnly } from './guest-place.js';
import { belongsInside } from './ids.js';
import type { InterceptedCall } from './intercepted-call.js';
import type { Verdict } from './notification.js';
import { CAP, readMemory, readString, type Task } from './task.js';

const libc = koffi.load('libc.so.6');
const fsetxattr = libc.func('int fsetxattr(int fd, const char *name, const void *value, size_t size, int flags)');

const PATH_MAX = 4096;
const XATTR_NAME_MAX = 256;
const openFlags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Attributes that the host sets for guests: what hides the directory below it in an overlay. */
export function maySetAttribute(name: string | undefined, value: Buffer): boolean {
  return name === 'trusted.overlay.opaque' && value.toString('latin1') === 'y';
}

/** setxattr(path, name, value, size, flags) */
export function setAttribute(call: InterceptedCall): Verdict {
  const [pathAt = 0n, nameAt = 0n, valueAt = 0n, size = 0n, flags = 0n] = call.notification.args;
  if (!call.policy.setxattr || size !== 1n) return 'continue';
  const name = readString(call.memory, nameAt, XATTR_NAME_MAX);
  const value = readMemory(call.memory, valueAt, Number(size));
  if (!maySetAttribute(name, value)) return 'continue';
  const path = readString(call.memory, pathAt, PATH_MAX);
  const task = call.task();
  if (!path || !task || (task.capabilities & CAP.sysAdmin) === 0n) return 'continue';
  return atPlaceOf(call.directory, task, call.confirm, () => {
    const file = openFile(path, task);
    try {
      const facts = fstatSync(file);
      if (!(facts.isDirectory() || facts.isFile()) || !belongsInside(call.policy.idmap, facts)) return 'continue';
      withOnly(CAP.sysAdmin, () => check('fsetxattr', fsetxattr(file, name, value, value.length, Number(flags & 0xffffffffn)) as number));
      return { value: 0 };
    } finally {
      closeSync(file);
    }
  });
}

function openFile(path: string, task: Task): number {
  try {
    return withOnly(0n, () => openHere(path, openFlags));
  } catch (error) {
    if (!isDenied(error)) throw error;
    return withOnly(task.capabilities & (CAP.dacOverride | CAP.dacReadSearch), () => openHere(path, openFlags));
  }
}
