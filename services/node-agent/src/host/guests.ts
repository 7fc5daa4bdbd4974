import { openGuestNetwork, type GuestNetwork } from './guest-network.js';
import { GuestThreads } from './guest-threads.js';

/** What a guest's thread can be asked. */
export interface GuestRequests {
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
  /** "rshared" and the like; empty or absent: private, so that what the guest mounts below stays its own. */
  propagation?: string;
  /** Shows the source with the guest's own ids (needs a file system that can). */
  idmapped?: boolean;
}

export type GuestVerb = keyof GuestRequests;

/** Acts inside running instances without a process: threads of the agent enter their namespaces; a thread that hangs in one is given up. */
export interface Guests {
  ask<V extends GuestVerb>(verb: V, request: GuestRequests[V]['request'], options?: { timeoutMs?: number }): Promise<GuestRequests[V]['answer']>;
  /** By the pid of one of the guest's processes. */
  network(pid: number): GuestNetwork;
  close(): Promise<void>;
}

export function linuxGuests(): Guests {
  const threads = new GuestThreads();
  return {
    ask: (verb, request, options) => threads.ask(verb, request, options),
    network: openGuestNetwork,
    close: () => threads.close(),
  };
}
