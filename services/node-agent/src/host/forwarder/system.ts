import { closeSync, openSync, readFileSync } from 'node:fs';
import { getSystemErrorMessage } from 'node:util';
import koffi from 'koffi';
import { CLONE_FS, CLONE_NEWNET, CLONE_NEWNS, setns, unshare } from '../syscalls.js';
import type { Place } from './proxy.js';

const libc = koffi.load('libc.so.6');
const calls = {
  socket: libc.func('int socket(int domain, int type, int protocol)'),
  bind: libc.func('int bind(int fd, const void *address, unsigned int length)'),
  listen: libc.func('int listen(int fd, int backlog)'),
  connect: libc.func('int connect(int fd, const void *address, unsigned int length)'),
  setsockopt: libc.func('int setsockopt(int fd, int level, int name, const void *value, unsigned int length)'),
  umask: libc.func('int umask(int mask)'),
  /** Of the calling thread alone; the C library's own functions change all threads. */
  setIds: libc.func('syscall', 'long', ['long', 'int', 'int', 'int']),
  setGroups: libc.func('syscall', 'long', ['long', 'size_t', 'void *']),
};

const numbers = process.arch === 'arm64' ? { setresuid: 147, setresgid: 149, setgroups: 159 } : { setresuid: 117, setresgid: 119, setgroups: 116 };
const SOCK_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const EINPROGRESS = 115;
const backlog = 4096;

/** What happens inside another namespace happens in one go, on this thread alone: nothing may be awaited there. */
let home: { net: number; mounts: number } | undefined;

/** Once, on the thread that is going to enter namespaces. */
export function settleIn(): void {
  unshare(CLONE_FS);
  calls.setGroups(numbers.setgroups, 0, null);
  home = { net: openSync('/proc/thread-self/ns/net', 'r'), mounts: openSync('/proc/thread-self/ns/mnt', 'r') };
}

/** Runs `body` at a place: in the network and mounts of an instance, symlinks and all. */
export function inside<T>(place: Place, body: () => T): T {
  if (place === 'host') return body();
  if (!home) settleIn();
  requireAlive(place);
  const [net, mounts] = [openSync(`/proc/${place.pid}/ns/net`, 'r'), openSync(`/proc/${place.pid}/ns/mnt`, 'r')];
  try {
    setns(net, CLONE_NEWNET);
    setns(mounts, CLONE_NEWNS);
    return body();
  } finally {
    setns(home!.mounts, CLONE_NEWNS);
    setns(home!.net, CLONE_NEWNET);
    closeSync(net);
    closeSync(mounts);
  }
}

/** A pid may have passed to another process. */
function requireAlive({ pid, startTime }: Exclude<Place, 'host'>): void {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]) !== startTime) throw new Error('The instance is not running');
}

/** Runs `body` with the rights of a user, who is also who the other side of a connection sees. */
export function as<T>({ uid, gid }: { uid: number; gid: number }, body: () => T): T {
  if (uid === 0 && gid === 0) return body();
  calls.setIds(numbers.setresgid, -1, gid, -1);
  calls.setIds(numbers.setresuid, -1, uid, -1);
  try {
    return body();
  } finally {
    calls.setIds(numbers.setresuid, -1, 0, -1);
    calls.setIds(numbers.setresgid, -1, 0, -1);
  }
}

/** Files made by `body` have exactly this mode. */
export function withMode<T>(mode: number, body: () => T): T {
  const before = calls.umask(0o777 & ~mode) as number;
  try {
    return body();
  } finally {
    calls.umask(before);
  }
}

export interface SocketKind {
  family: 'inet' | 'inet6' | 'unix';
  type: 'stream' | 'dgram';
}

const families = { unix: 1, inet: 2, inet6: 10 } as const;
const types = { stream: 1, dgram: 2 } as const;

/** A socket bound to an address, listening if it is a stream. */
export function boundSocket(kind: SocketKind, address: Buffer, options: { dualStack?: boolean } = {}): number {
  return withSocket(kind, (fd) => {
    setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (kind.family === 'inet6') setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.dualStack ? 0 : 1);
    check('bind', calls.bind(fd, address, address.length) as number);
    if (kind.type === 'stream') check('listen', calls.listen(fd, backlog) as number);
  });
}

/** A socket that is connected, or is about to be. */
export function connectedSocket(kind: SocketKind, address: Buffer): number {
  return withSocket(kind, (fd) => {
    if ((calls.connect(fd, address, address.length) as number) < 0 && koffi.errno() !== EINPROGRESS) throw lastError('connect');
  });
}

/** A socket of this kind where the thread is now. */
export function plainSocket(kind: SocketKind): number {
  return withSocket(kind, () => undefined);
}

function withSocket({ family, type }: SocketKind, prepare: (fd: number) => void): number {
  const fd = check('socket', calls.socket(families[family], types[type] | SOCK_NONBLOCK_CLOEXEC, 0) as number);
  try {
    prepare(fd);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function setOption(fd: number, level: number, name: number, value: number): void {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  check('setsockopt', calls.setsockopt(fd, level, name, bytes, bytes.length) as number);
}

function check(call: string, result: number): number {
  if (result < 0) throw lastError(call);
  return result;
}

const EADDRNOTAVAIL = 99;

/** In the words of the C library, as the reference's are. */
function lastError(call: string): Error {
  const errno = koffi.errno();
  const words = errno === EADDRNOTAVAIL ? 'cannot assign requested address' : getSystemErrorMessage(-errno);
  return Object.assign(new Error(`${call}: ${words}`), { errno });
}
