import { closeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { getSystemErrorMessage } from 'node:util';
import koffi from 'koffi';
import { LxdError } from '@asterism/errors';
import { acknowledgedError, attributes, hwaddrBytes, IFLA, linkHeader, request, RTM, text, u32, type Attribute } from './netlink-message.js';

/** A pair of links; `peer` is the end for the guest. */
export interface VethPair {
  name: string;
  peer: string;
  mtu?: number;
  peerHwaddr?: string;
  /** The bridge that `name` becomes a port of. */
  master?: string;
}

/** The changes to links that every start and stop of an instance makes: by netlink, without a process. */
export interface Links {
  exists(name: string): Promise<boolean>;
  /** `name` is up when this returns. */
  createVeth(pair: VethPair): Promise<void>;
  /** One that is gone already is fine. */
  delete(name: string): Promise<void>;
}

const libc = koffi.load('libc.so.6');
const calls = {
  socket: libc.func('int socket(int domain, int type, int protocol)'),
  send: libc.func('long send(int fd, const void *buffer, size_t length, int flags)'),
  recv: libc.func('long recv(int fd, _Out_ void *buffer, size_t length, int flags)'),
};
const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const MSG_DONTWAIT = 0x40;

export const hostLinks: Links = {
  exists: async (name) => (await indexOf(name)) !== undefined,
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
  return readFile(`/sys/class/net/${name}/ifindex`, 'utf8').then(Number, () => undefined);
}

/** Sends from a thread of the pool: the kernel does the work inside send(2), and to delete a link takes it milliseconds. */
async function ask(message: Buffer): Promise<number> {
  const fd = calls.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, 0) as number;
  if (fd < 0) throw new LxdError('internal', 'Failed to open a netlink socket');
  try {
    const sent = await new Promise<number>((resolve, reject) => {
      calls.send.async(fd, message, message.length, 0, (error: Error | null, result: number) => (error ? reject(error) : resolve(Number(result))));
    });
    if (sent !== message.length) throw new LxdError('internal', 'Failed to send a netlink request');
    const answer = Buffer.alloc(4096);
    const received = Number(calls.recv(fd, answer, answer.length, MSG_DONTWAIT));
    return acknowledgedError(answer.subarray(0, Math.max(received, 0)));
  } finally {
    closeSync(fd);
  }
}
