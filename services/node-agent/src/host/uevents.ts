import { closeSync } from 'node:fs';
import koffi from 'koffi';
import { LxdError } from '@asterism/errors';

/** What the kernel says when a device comes or goes. */
export interface Uevent {
  /** "add", "remove", "change" and the like. */
  action: string;
  /** Below /sys. */
  path: string;
  /** "usb", "tty" and the like. */
  subsystem: string;
}

/** The kernel's own word, not udev's: hosts need not have udev. */
export type ListenForUevents = (heard: (event: Uevent) => void) => { stop(): void };

const libc = koffi.load('libc.so.6');
const calls = {
  socket: libc.func('int socket(int domain, int type, int protocol)'),
  bind: libc.func('int bind(int fd, const void *address, unsigned int length)'),
  recv: libc.func('long recv(int fd, _Out_ void *buffer, size_t length, int flags)'),
};
const AF_NETLINK = 16;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const NETLINK_KOBJECT_UEVENT = 15;
const MSG_DONTWAIT = 0x40;
const KERNEL_GROUP = 1;
/** Node cannot wait for such a socket; looking costs a microsecond, and the kernel keeps what was not read. */
const LOOK_EVERY_MS = 250;

export const listenForUevents: ListenForUevents = (heard) => {
  const fd = calls.socket(AF_NETLINK, SOCK_DGRAM_CLOEXEC, NETLINK_KOBJECT_UEVENT) as number;
  if (fd < 0) throw new LxdError('internal', 'Failed to open a socket for the events of the kernel');
  const address = Buffer.alloc(12); // struct sockaddr_nl
  address.writeUInt16LE(AF_NETLINK, 0);
  address.writeUInt32LE(KERNEL_GROUP, 8);
  if ((calls.bind(fd, address, address.length) as number) < 0) {
    closeSync(fd);
    throw new LxdError('internal', 'Failed to listen for the events of the kernel');
  }
  const buffer = Buffer.alloc(16 * 1024);
  const timer = setInterval(() => {
    for (let length = Number(calls.recv(fd, buffer, buffer.length, MSG_DONTWAIT)); length > 0; length = Number(calls.recv(fd, buffer, buffer.length, MSG_DONTWAIT))) {
      const event = parseUevent(buffer.subarray(0, length).toString('latin1'));
      if (event) heard(event);
    }
  }, LOOK_EVERY_MS);
  timer.unref();
  return {
    stop() {
      clearInterval(timer);
      closeSync(fd);
    },
  };
};

/** "add@/devices/...", then NAME=value, each ended by a null byte; undefined for what is not the kernel's. */
export function parseUevent(text: string): Uevent | undefined {
  const [head = '', ...lines] = text.split('\0');
  if (!/^[a-z]+@\//.test(head)) return undefined;
  const fields = new Map(lines.filter((line) => line.includes('=')).map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
  return { action: head.slice(0, head.indexOf('@')), path: head.slice(head.indexOf('@') + 1), subsystem: fields.get('SUBSYSTEM') ?? '' };
}
