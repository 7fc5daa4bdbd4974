import { closeSync, openSync } from 'node:fs';
import { release } from 'node:os';
import type { GuestLink } from './guests.js';
import { readKernelFile } from './kernel-files.js';
import { linkAddress } from './link-dump.js';
import { RTM } from './netlink-message.js';
import { dumpNow, netlinkSocket } from './netlink-socket.js';
import { CLONE_NEWNET, linkFacts, setns } from './syscalls.js';

const ownNetwork = openSync('/proc/thread-self/ns/net', 'r');

/**
 * Whether looking into a guest's network never waits: since Linux 6.10 the kernel lists addresses without the lock that every start and stop of
 * a link holds, for milliseconds at times. (The rest of what is read here never took it.)
 */
export const linksNeverWait = isAtLeast(release(), [6, 10]);

/** The interfaces of a process's network namespace, with addresses and counters. The calling thread is in that namespace for this long. */
export function readGuestLinks(pid: number): GuestLink[] {
  const namespace = openSync(`/proc/${pid}/ns/net`, 'r');
  try {
    setns(namespace, CLONE_NEWNET);
    return linksHere();
  } finally {
    comeBack();
    closeSync(namespace);
  }
}

/** A thread that stays in a guest's network would connect to the guest's neighbours for ever after. */
function comeBack(): void {
  try {
    setns(ownNetwork, CLONE_NEWNET);
  } catch {
    process.abort();
  }
}

function linksHere(): GuestLink[] {
  const socket = netlinkSocket();
  try {
    const addresses = Map.groupBy(dumpNow(socket, RTM.getAddress, Buffer.alloc(8)), ({ body }) => body.readUInt32LE(4));
    return countersHere().map(({ name, received, sent }) => {
      const { index, ...facts } = linkFacts(socket, name);
      return { name, ...facts, addresses: (addresses.get(index) ?? []).flatMap(linkAddress).map(({ family, address, prefix }) => ({ family, address, prefix })), received, sent };
    });
  } finally {
    closeSync(socket);
  }
}

function countersHere(): Pick<GuestLink, 'name' | 'received' | 'sent'>[] {
  const lines = (readKernelFile('/proc/thread-self/net/dev') ?? '').split('\n').slice(2).filter(Boolean);
  return lines.map((line) => {
    const colon = line.indexOf(':');
    const count = line.slice(colon + 1).trim().split(/\s+/).map(Number);
    const at = (first: number) => ({ bytes: count[first] ?? 0, packets: count[first + 1] ?? 0, errors: count[first + 2] ?? 0, dropped: count[first + 3] ?? 0 });
    return { name: line.slice(0, colon).trim(), received: at(0), sent: at(8) };
  });
}

export function isAtLeast(kernel: string, [major, minor]: readonly [number, number]): boolean {
  const [ownMajor = 0, ownMinor = 0] = kernel.split('.').map(Number.parseFloat);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}
