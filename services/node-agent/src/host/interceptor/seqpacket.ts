import { closeSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';

// Sockets that keep messages whole and carry descriptors; Node has none.

const libc = koffi.load('libc.so.6');
koffi.struct('asterism_iovec', { base: 'void *', length: 'size_t' });
koffi.struct('asterism_msghdr', { name: 'void *', nameLength: 'uint', iov: 'asterism_iovec *', iovLength: 'size_t', control: 'void *', controlLength: 'size_t', flags: 'int' });
const calls = {
  socket: libc.func('int socket(int domain, int type, int protocol)'),
  bind: libc.func('int bind(int fd, const void *address, unsigned int length)'),
  listen: libc.func('int listen(int fd, int backlog)'),
  accept4: libc.func('int accept4(int fd, void *address, void *length, int flags)'),
  recvmsg: libc.func('long recvmsg(int fd, _Inout_ asterism_msghdr *message, int flags)'),
  connect: libc.func('int connect(int fd, const void *address, unsigned int length)'),
  sendmsg: libc.func('long sendmsg(int fd, asterism_msghdr *message, int flags)'),
  pidfdOpen: libc.func('syscall', 'long', ['long', 'int', 'uint']),
  pidfdGetfd: libc.func('syscall', 'long', ['long', 'int', 'int', 'uint']),
  poll: libc.func('int poll(void *wanted, unsigned long count, int timeoutMs)'),
};

const SYS_PIDFD_OPEN = 434;
const SYS_PIDFD_GETFD = 438;
const AF_UNIX = 1;
const SOCK_SEQPACKET_CLOEXEC = 5 | 0o2000000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const MSG_TRUNC = 0x20;
const MSG_CTRUNC = 0x08;
const POLLIN = 1;
const EAGAIN = 11;
const EINTR = 4;
const backlog = 128;
const messageBytes = 4096;
const CMSG_HEADER_BYTES = 16;

export interface Received {
  bytes: Buffer;
  /** To be closed by whoever received them. */
  descriptors: number[];
}

/** @param path nothing lies there yet */
export function listenForMessages(path: string): number {
  return withSocket(path, (fd, address) => {
    check('bind', calls.bind(fd, address, address.length) as number);
    check('listen', calls.listen(fd, backlog) as number);
  });
}

export function connectForMessages(path: string): number {
  return withSocket(path, (fd, address) => check('connect', calls.connect(fd, address, address.length) as number));
}

function withSocket(path: string, prepare: (fd: number, address: Buffer) => void): number {
  const name = Buffer.from(path);
  if (name.length > 107) throw new Error(`ENAMETOOLONG: ${path}`);
  const address = Buffer.alloc(110);
  address.writeUInt16LE(AF_UNIX);
  name.copy(address, 2);
  const fd = check('socket', calls.socket(AF_UNIX, SOCK_SEQPACKET_CLOEXEC, 0) as number);
  try {
    prepare(fd, address);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** A descriptor of another process, as one of this process. */
export function descriptorOf(pid: number, descriptor: number): number {
  const other = check('pidfd_open', Number(calls.pidfdOpen(SYS_PIDFD_OPEN, pid, 0)));
  try {
    return check('pidfd_getfd', Number(calls.pidfdGetfd(SYS_PIDFD_GETFD, other, descriptor, 0)));
  } finally {
    closeSync(other);
  }
}

/** Where somebody waits, by `readable`. */
export function acceptPeer(listener: number): number {
  return check('accept4', calls.accept4(listener, null, null, SOCK_CLOEXEC) as number);
}

/** Undefined once the peer is gone; "nothing" where nothing came. A message too long, or with more descriptors than fit, ends the connection too. */
export function receive(fd: number): Received | 'nothing' | undefined {
  const bytes = Buffer.alloc(messageBytes);
  const control = Buffer.alloc(64);
  const message = { name: null, nameLength: 0, iov: [{ base: bytes, length: bytes.length }], iovLength: 1, control, controlLength: control.length, flags: 0 };
  const length = Number(calls.recvmsg(fd, message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC));
  if (length < 0) return [EAGAIN, EINTR].includes(koffi.errno()) ? 'nothing' : undefined;
  const descriptors = descriptorsIn(control.subarray(0, Number(message.controlLength)));
  if (length > 0 && (message.flags & (MSG_TRUNC | MSG_CTRUNC)) === 0) return { bytes: bytes.subarray(0, length), descriptors };
  for (const descriptor of descriptors) closeSync(descriptor);
  return undefined;
}

function descriptorsIn(control: Buffer): number[] {
  if (control.length < CMSG_HEADER_BYTES || control.readInt32LE(8) !== SOL_SOCKET || control.readInt32LE(12) !== SCM_RIGHTS) return [];
  const end = Math.min(Number(control.readBigUInt64LE(0)), control.length);
  const found: number[] = [];
  for (let at = CMSG_HEADER_BYTES; at + 4 <= end; at += 4) found.push(control.readInt32LE(at));
  return found;
}

/** False where the peer is gone or does not read. */
export function send(fd: number, bytes: Buffer, descriptors: readonly number[] = []): boolean {
  const control = Buffer.alloc(descriptors.length === 0 ? 0 : CMSG_HEADER_BYTES + 4 * descriptors.length + (descriptors.length % 2) * 4);
  if (descriptors.length > 0) {
    control.writeBigUInt64LE(BigInt(CMSG_HEADER_BYTES + 4 * descriptors.length), 0);
    control.writeInt32LE(SOL_SOCKET, 8);
    control.writeInt32LE(SCM_RIGHTS, 12);
    descriptors.forEach((descriptor, index) => control.writeInt32LE(descriptor, CMSG_HEADER_BYTES + 4 * index));
  }
  const message = { name: null, nameLength: 0, iov: [{ base: bytes, length: bytes.length }], iovLength: 1, control: control.length > 0 ? control : null, controlLength: control.length, flags: 0 };
  return Number(calls.sendmsg(fd, message, MSG_DONTWAIT | MSG_NOSIGNAL)) === bytes.length;
}

/** Those of the descriptors on which something came or whose peer is gone; none when the time passes first. Waits off the main thread. */
export function readable(descriptors: readonly number[], timeoutMs: number): Promise<number[]> {
  const wanted = Buffer.alloc(descriptors.length * 8);
  descriptors.forEach((fd, index) => {
    wanted.writeInt32LE(fd, index * 8);
    wanted.writeInt16LE(POLLIN, index * 8 + 4);
  });
  return new Promise((resolve, reject) => {
    calls.poll.async(wanted, descriptors.length, timeoutMs, (error: unknown) => {
      if (error) reject(error as Error);
      else resolve(descriptors.filter((_fd, index) => wanted.readInt16LE(index * 8 + 6) !== 0));
    });
  });
}

function check(call: string, result: number): number {
  if (result >= 0) return result;
  const code = getSystemErrorName(-koffi.errno());
  throw Object.assign(new Error(`${code}: ${call}`), { code });
}
