import { existsSync, readFileSync } from 'node:fs';
import { getSystemErrorMessage } from 'node:util';
import { LxdError } from '@asterism/errors';
import { readLinks, readRoutes, type HostLink, type HostRoute } from './link-dump.js';
import { attributes, hwaddrBytes, IFLA, linkHeader, request, RTM, text, u32, type Attribute } from './netlink-message.js';
import { ask } from './netlink-socket.js';

/** A pair of links; `peer` is the end for the guest. */
export interface VethPair {
  name: string;
  peer: string;
  mtu?: number;
  peerHwaddr?: string;
  /** The bridge that `name` becomes a port of. */
  master?: string;
}

/** Network interfaces by netlink, without a process: what is there, and the changes that every start and stop of an instance makes. */
export interface Links {
  exists(name: string): Promise<boolean>;
  list(): Promise<HostLink[]>;
  /** Undefined when there is no such link. */
  find(name: string): Promise<HostLink | undefined>;
  /** Of all tables. */
  routes(): Promise<HostRoute[]>;
  /** `name` is up when this returns. */
  createVeth(pair: VethPair): Promise<void>;
  /** One that is gone already is fine. */
  delete(name: string): Promise<void>;
}

export const hostLinks: Links = {
  exists: async (name) => (await indexOf(name)) !== undefined,
  list: readLinks,
  find: async (name) => (await readLinks()).find((link) => link.name === name),
  routes: readRoutes,
  async createVeth({ name, peer, mtu, peerHwaddr, master }) {
    const bridge = master === undefined ? undefined : await indexOf(master);
    if (master !== undefined && bridge === undefined) throw new LxdError('internal', `Parent device "${master}" doesn't exist`);
    const size: Attribute[] = mtu === undefined ? [] : [[IFLA.mtu, u32(mtu)]];
    const peerEnd = attributes([[IFLA.ifname, text(peer)], ...size, ...(peerHwaddr ? [[IFLA.address, hwaddrBytes(peerHwaddr)] as const] : [])]);
    const kind: Attribute[] = [
      [IFLA.infoKind, text('veth')],
      [IFLA.infoData, [[IFLA.vethPeer, Buffer.concat([linkHeader(), peerEnd])]]],
    ];
    const own = attributes([[IFLA.ifname, text(name)], ...size, ...(bridge === undefined ? [] : [[IFLA.master, u32(bridge)] as const]), [IFLA.linkInfo, kind]]);
    const error = await ask(request(RTM.newLink, Buffer.concat([linkHeader({ up: true }), own]), { create: true }));
    if (error !== 0) throw new LxdError('internal', `Failed to create network interface "${name}": ${getSystemErrorMessage(-error)}`);
  },
  async delete(name) {
    const index = await indexOf(name);
    if (index === undefined) return;
    const error = await fewAtATime(() => ask(request(RTM.delLink, linkHeader({ index }))));
    if (error !== 0 && (await indexOf(name)) !== undefined) throw new LxdError('internal', `Failed to delete network interface "${name}": ${getSystemErrorMessage(-error)}`);
  },
};

const lanes: Promise<unknown>[] = [Promise.resolve(), Promise.resolve(), Promise.resolve()];
let nextLane = 0;

/** A few at a time: the kernel waits rather than works while a link goes, and the pool has threads left for files. */
function fewAtATime<T>(work: () => Promise<T>): Promise<T> {
  const lane = nextLane++ % lanes.length;
  const mine = lanes[lane]!.then(work, work);
  lanes[lane] = mine.catch(() => undefined);
  return mine;
}

async function indexOf(name: string): Promise<number | undefined> {
  if (!existsSync(`/sys/class/net/${name}`)) return undefined; // an error made and caught costs more than the question
  try {
    return Number(readFileSync(`/sys/class/net/${name}/ifindex`, 'utf8'));
  } catch {
    return undefined;
  }
}
