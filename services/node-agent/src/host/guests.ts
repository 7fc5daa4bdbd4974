import { linksNeverWait, readGuestLinks } from './guest-links.js';
import { GuestThreads } from './guest-threads.js';

export interface GuestLink {
  name: string;
  flags: number;
  mtu: number;
  hwaddr: string;
  addresses: { family: 'inet' | 'inet6'; address: string; prefix: number }[];
  received: { bytes: number; packets: number; errors: number; dropped: number };
  sent: { bytes: number; packets: number; errors: number; dropped: number };
}

/** What a guest's thread can be asked. */
export interface GuestRequests {
  links: { request: { pid: number }; answer: GuestLink[] };
  mount: { request: GuestMount; answer: void };
  unmount: { request: { pid: number; target: string }; answer: void };
}

export interface GuestMount {
  pid: number;
  /** On the host. */
  source: string;
  /** Absolute, as the guest sees it; made when missing, as a directory or as an empty file like the source. */
  target: string;
  readonly?: boolean;
  recursive?: boolean;
  /** Shows the source with the guest's own ids (needs a file system that can). */
  idmapped?: boolean;
}

export type GuestVerb = keyof GuestRequests;

/** Acts inside running instances without a process: threads of the agent enter their namespaces; a thread that hangs in one is given up. */
export interface Guests {
  /** Answered before this returns where `links` cannot wait for anything. */
  ask<V extends GuestVerb>(verb: V, request: GuestRequests[V]['request'], options?: { timeoutMs?: number }): Promise<GuestRequests[V]['answer']>;
  close(): Promise<void>;
}

export function linuxGuests(): Guests {
  const threads = new GuestThreads();
  const links = async ({ pid }: GuestRequests['links']['request']): Promise<GuestLink[]> => readGuestLinks(pid);
  return {
    ask: (verb, request, options) => (verb === 'links' && linksNeverWait ? (links(request as GuestRequests['links']['request']) as Promise<never>) : threads.ask(verb, request, options)),
    close: () => threads.close(),
  };
}
