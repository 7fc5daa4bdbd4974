import { closeSync, constants, openSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';
import { CLONE_FS, CLONE_NEWNS, setns, unshare } from '../syscalls.js';
import { openOf, type Task } from './task.js';

// What one thread does to stand where a guest's thread stands, with its rights. Nothing may be awaited meanwhile.

const libc = koffi.load('libc.so.6');
const calls = {
  fchdir: libc.func('int fchdir(int directory)'),
  chroot: libc.func('int chroot(const char *path)'),
  umask: libc.func('int umask(int mask)'),
  setfsuid: libc.func('int setfsuid(unsigned int uid)'),
  setfsgid: libc.func('int setfsgid(unsigned int gid)'),
  capget: libc.func('int capget(void *header, _Out_ void *data)'),
  capset: libc.func('int capset(void *header, void *data)'),
  /** Of the calling thread alone; the C library's own function changes all threads. */
  setGroups: libc.func('syscall', 'long', ['long', 'size_t', 'void *']),
  moveMount: libc.func('syscall', 'long', ['long', 'int', 'str', 'int', 'str', 'uint']),
  openat2: libc.func('syscall', 'long', ['long', 'int', 'void *', 'void *', 'size_t']),
};

const SYS_SETGROUPS = process.arch === 'arm64' ? 159 : 116;
const SYS_MOVE_MOUNT = 429;
const MOVE_MOUNT_FROM_AND_TO_DESCRIPTORS = 0x44;
const SYS_OPENAT2 = 437;
const RESOLVE_NO_MAGICLINKS = 2;
const AT_FDCWD = -100;
export const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;

let home: number | undefined;

/** Once, on the thread that is going to enter guests. */
export function settleIn(): void {
  unshare(CLONE_FS);
  home = openSync('/proc/thread-self/ns/mnt', 'r');
}

/**
 * Runs `body` in the mounts, root and working directory of a guest's thread, making files as its user.
 * @param confirm throws unless the thread still waits: it is asked once everything of the thread is open
 */
export function atPlaceOf<T>(directory: number, task: Task, confirm: () => void, body: () => T): T {
  const opened: number[] = [];
  const open = (name: string, flags: number): number => {
    const fd = openOf(directory, name, flags);
    opened.push(fd);
    return fd;
  };
  try {
    const mounts = open('ns/mnt', constants.O_RDONLY);
    const root = open('root', O_PATH | constants.O_DIRECTORY);
    const cwd = open('cwd', O_PATH | constants.O_DIRECTORY);
    confirm();
    setns(mounts, CLONE_NEWNS);
    try {
      check('fchdir', calls.fchdir(root) as number);
      check('chroot', calls.chroot('.') as number);
      check('fchdir', calls.fchdir(cwd) as number);
      return asUser(task, body);
    } finally {
      setns(home!, CLONE_NEWNS);
    }
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

function asUser<T>(task: Task, body: () => T): T {
  const everything = capabilities();
  const umask = calls.umask(task.umask) as number;
  setGroups(task.groups);
  calls.setfsgid(task.gid);
  calls.setfsuid(task.uid);
  try {
    return body();
  } finally {
    calls.setfsuid(0);
    calls.setfsgid(0);
    setGroups([]);
    calls.umask(umask);
    setCapabilities(everything);
  }
}

/** Runs `body` with these capabilities and no others. */
export function withOnly<T>(wanted: bigint, body: () => T): T {
  const before = capabilities();
  setCapabilities(wanted);
  try {
    return body();
  } finally {
    setCapabilities(before);
  }
}

function setGroups(groups: readonly number[]): void {
  const list = Buffer.alloc(Math.max(4, groups.length * 4));
  groups.forEach((group, index) => list.writeUInt32LE(group, index * 4));
  check('setgroups', Number(calls.setGroups(SYS_SETGROUPS, groups.length, list)));
}

function capabilitySets(): { header: Buffer; sets: Buffer } {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(0x20080522, 0); // _LINUX_CAPABILITY_VERSION_3, pid 0: this thread
  const sets = Buffer.alloc(24);
  check('capget', calls.capget(header, sets) as number);
  return { header, sets };
}

/** The effective ones. */
function capabilities(): bigint {
  const { sets } = capabilitySets();
  return (BigInt(sets.readUInt32LE(12)) << 32n) | BigInt(sets.readUInt32LE(0));
}

/** Makes these effective, as far as they are permitted. */
function setCapabilities(wanted: bigint): void {
  const { header, sets } = capabilitySets();
  sets.writeUInt32LE((Number(wanted & 0xffffffffn) & sets.readUInt32LE(4)) >>> 0, 0);
  sets.writeUInt32LE((Number(wanted >> 32n) & sets.readUInt32LE(16)) >>> 0, 12);
  check('capset', calls.capset(header, sets) as number);
}

/** Opens a path where the thread stands, or below `from`; links of /proc, which would lead elsewhere, are not followed. */
export function openHere(path: string, flags: number, from = AT_FDCWD): number {
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(BigInt(flags | O_CLOEXEC), 0);
  how.writeBigUInt64LE(BigInt(RESOLVE_NO_MAGICLINKS), 16);
  return check('openat2', Number(calls.openat2(SYS_OPENAT2, from, Buffer.from(`${path}\0`, 'latin1'), how, how.length)));
}

/** Attaches a detached mount where an open file or directory is. */
export function attachTo(tree: number, target: number): void {
  check('move_mount', Number(calls.moveMount(SYS_MOVE_MOUNT, tree, '', target, '', MOVE_MOUNT_FROM_AND_TO_DESCRIPTORS)));
}

export function check(call: string, result: number): number {
  if (result >= 0) return result;
  const code = getSystemErrorName(-koffi.errno());
  throw Object.assign(new Error(`${code}: ${call}`), { code });
}

/** Opens a directory as the task may, or, where its rights over other users reach, as those. */
export function openDirectory(path: string, task: Task, rights: bigint, from?: number): number {
  try {
    return withOnly(0n, () => openHere(path, O_PATH | constants.O_DIRECTORY, from));
  } catch (error) {
    if (!isDenied(error) || (task.capabilities & rights) === 0n) throw error;
    return withOnly(task.capabilities & rights, () => openHere(path, O_PATH | constants.O_DIRECTORY, from));
  }
}

export function isDenied(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EACCES';
}
