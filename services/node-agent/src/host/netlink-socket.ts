import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import koffi from 'koffi';
import { LxdError } from '@asterism/errors';
import { acknowledgedError, dumpRequest, messages, NLMSG, type Message } from './netlink-message.js';

const libc = koffi.load('libc.so.6');
const calls = {
  socket: libc.func('int socket(int domain, int type, int protocol)'),
  bind: libc.func('int bind(int fd, const void *address, uint length)'),
  send: libc.func('long send(int fd, const void *buffer, size_t length, int flags)'),
  recv: libc.func('long recv(int fd, _Out_ void *buffer, size_t length, int flags)'),
};
const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const MSG_DONTWAIT = 0x40;
const RTMGRP_LINK = 0x1;
const RTMGRP_IPV4_IFADDR = 0x10;
const RTMGRP_IPV6_IFADDR = 0x100;
const dumpBytes = 64 * 1024;
const shared = Buffer.allocUnsafeSlow(dumpBytes);

/** Asks for a change; the answer is the kernel's error number, 0 for success. From a thread of the pool: the kernel does the work inside send(2). */
export function ask(message: Buffer): Promise<number> {
  return withSocket(async (fd) => {
    await send(fd, message);
    return acknowledgedError(receive(fd, Buffer.alloc(4096)));
  });
}

/** Everything of a kind that the kernel has, one message each. */
export function dump(type: number, body: Buffer): Promise<Message[]> {
  return withSocket(async (fd) => {
    await send(fd, dumpRequest(type, body));
    const all: Message[] = [];
    for (;;) {
      for (const message of messages(receive(fd, Buffer.alloc(dumpBytes)))) {
        if (message.type === NLMSG.done) return all;
        if (message.type === NLMSG.error) throw new LxdError('internal', 'The kernel refuses to list its network interfaces');
        all.push(message);
      }
    }
  });
}

/** As `dump`, on an open socket and without leaving the thread: for what is asked rarely, or listed without waiting for a lock. */
export function dumpNow(fd: number, type: number, body: Buffer): Message[] {
  const request = dumpRequest(type, body);
  if (Number(calls.send(fd, request, request.length, 0)) !== request.length) throw new LxdError('internal', 'Failed to send a netlink request');
  const all: Message[] = [];
  for (;;) {
    for (const message of messages(Buffer.from(receive(fd, shared)))) {
      if (message.type === NLMSG.done) return all;
      if (message.type === NLMSG.error) throw new LxdError('internal', 'The kernel refuses to list its network addresses');
      all.push(message);
    }
  }
}

/** Of the calling thread's network namespace; the descriptor is the caller's to close. */
export function netlinkSocket(): number {
  const fd = calls.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, 0) as number;
  if (fd < 0) throw new LxdError('internal', 'Failed to open a netlink socket');
  return fd;
}

/** From now on the socket is told of every change of links and addresses. */
export function subscribe(fd: number): void {
  const address = Buffer.alloc(12); // struct sockaddr_nl
  address.writeUInt16LE(AF_NETLINK, 0);
  address.writeUInt32LE(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR, 8);
  if ((calls.bind(fd, address, address.length) as number) !== 0) throw new LxdError('internal', 'Failed to subscribe to changes of network interfaces');
}

/** Whether a subscribed socket was told anything since the last time; what it was told is dropped. */
export function hasNews(fd: number): boolean {
  for (let news = false; ; news = true) {
    if (Number(calls.recv(fd, shared, shared.length, MSG_DONTWAIT)) >= 0) continue;
    const errno = koffi.errno();
    if (errno === constants.errno.EAGAIN) return news;
    // More than the socket could keep is an error once, and news as well.
    if (errno !== constants.errno.ENOBUFS) throw new LxdError('internal', 'The kernel does not tell of changes of network interfaces');
  }
}

async function withSocket<T>(work: (fd: number) => Promise<T>): Promise<T> {
  const fd = netlinkSocket();
  try {
    return await work(fd);
  } finally {
    closeSync(fd);
  }
}

async function send(fd: number, message: Buffer): Promise<void> {
  const sent = await new Promise<number>((resolve, reject) => {
    calls.send.async(fd, message, message.length, 0, (error: Error | null, result: number) => (error ? reject(error) : resolve(Number(result))));
  });
  if (sent !== message.length) throw new LxdError('internal', 'Failed to send a netlink request');
}

/** The answer lies ready once send(2) has returned. */
function receive(fd: number, buffer: Buffer): Buffer {
  const received = Number(calls.recv(fd, buffer, buffer.length, MSG_DONTWAIT));
  if (received <= 0) throw new LxdError('internal', 'The kernel did not answer a network request');
  return buffer.subarray(0, received);
}
