import { closeSync, openSync } from 'node:fs';
import { KernelFile } from './kernel-files.js';
import { linkAddress } from './link-dump.js';
import { RTM } from './netlink-message.js';
import { dumpNow, hasNews, netlinkSocket, subscribe } from './netlink-socket.js';
import { CLONE_NEWNET, linkFacts, setns } from './syscalls.js';

export interface GuestLink {
  name: string;
  flags: number;
  mtu: number;
  hwaddr: string;
  addresses: { family: 'inet' | 'inet6'; address: string; prefix: number }[];
  received: Traffic;
  sent: Traffic;
}

interface Traffic {
  bytes: number;
  packets: number;
  errors: number;
  dropped: number;
}

/** What changes by news only, of which the kernel tells. */
type Facts = Pick<GuestLink, 'flags' | 'mtu' | 'hwaddr' | 'addresses'>;

/** The network of a running guest. It stays in the kernel for as long as this is open: whoever opens it closes it when the guest ends. */
export interface GuestNetwork {
  /** As it is now: counters are read each time, addresses and the rest when the kernel has told of a change. */
  links(): GuestLink[];
  close(): void;
}

const ownNetwork = openSync('/proc/thread-self/ns/net', 'r');

/** The calling thread is in the guest's network for this long, and nothing else happens on it meanwhile. */
export function openGuestNetwork(pid: number): GuestNetwork {
  const namespace = openSync(`/proc/${pid}/ns/net`, 'r');
  const open: number[] = [];
  const kept = (descriptor: number): number => (open.push(descriptor), descriptor);
  const close = (): void => open.splice(0).forEach((descriptor) => closeSync(descriptor));
  try {
    setns(namespace, CLONE_NEWNET);
    const news = kept(netlinkSocket());
    subscribe(news);
    return linksOf({ news, asked: kept(netlinkSocket()), counters: new KernelFile(kept(openSync('/proc/thread-self/net/dev', 'r'))) }, close);
  } catch (error) {
    close();
    throw error;
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

interface Descriptors {
  /** A socket that is told of changes. */
  news: number;
  asked: number;
  /** The kernel's table of counters, read again from its beginning each time. */
  counters: KernelFile;
}

function linksOf({ news, asked, counters }: Descriptors, close: () => void): GuestNetwork {
  let facts = new Map<string, Facts>();
  return {
    links() {
      // The news first: what changes after it has been looked at is seen by the next look.
      const isStale = hasNews(news);
      const traffic = readCounters(counters);
      if (isStale || traffic.some(({ name }) => !facts.has(name))) facts = readFacts(asked, traffic);
      return traffic.map((link) => ({ ...link, ...facts.get(link.name)! }));
    },
    close,
  };
}

function readFacts(socket: number, links: readonly { name: string }[]): Map<string, Facts> {
  const addresses = Map.groupBy(dumpNow(socket, RTM.getAddress, Buffer.alloc(8)), ({ body }) => body.readUInt32LE(4));
  return new Map(
    links.map(({ name }) => {
      const { index, ...facts } = linkFacts(socket, name);
      return [name, { ...facts, addresses: (addresses.get(index) ?? []).flatMap(linkAddress).map(({ family, address, prefix }) => ({ family, address, prefix })) }];
    }),
  );
}

function readCounters(table: KernelFile): Pick<GuestLink, 'name' | 'received' | 'sent'>[] {
  return (table.read() ?? '')
    .split('\n')
    .slice(2)
    .filter(Boolean)
    .map((line) => {
      const colon = line.indexOf(':');
      const count = line.slice(colon + 1).trim().split(/\s+/).map(Number);
      const at = (first: number): Traffic => ({ bytes: count[first] ?? 0, packets: count[first + 1] ?? 0, errors: count[first + 2] ?? 0, dropped: count[first + 3] ?? 0 });
      return { name: line.slice(0, colon).trim(), received: at(0), sent: at(8) };
    });
}
