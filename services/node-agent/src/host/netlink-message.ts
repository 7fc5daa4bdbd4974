/** Messages of rtnetlink (linux/rtnetlink.h) as bytes; nothing here touches the kernel. */

export const RTM = { newLink: 16, delLink: 17, getLink: 18, getAddress: 22, getRoute: 26 } as const;
export const IFLA = {
  address: 1,
  ifname: 3,
  mtu: 4,
  link: 5,
  master: 10,
  linkInfo: 18,
  stats64: 23,
  // inside linkInfo
  infoKind: 1,
  infoData: 2,
  // inside infoData, by kind
  vethPeer: 1,
  vlanId: 1,
  bridgeForwardDelay: 1,
  bridgeStp: 5,
  bridgeVlanFiltering: 7,
  bridgeVlanDefault: 39,
} as const;
export const NLMSG = { error: 2, done: 3 } as const;
const NLM_F = { request: 1, ack: 4, dump: 0x300, excl: 0x200, create: 0x400 } as const;
const NLA_F_NESTED = 0x8000;
const IFF_UP = 1;
const headerBytes = 16;

/** An attribute: its type and a value, or the attributes inside it. */
export type Attribute = readonly [type: number, value: Buffer | readonly Attribute[]];

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function text(value: string): Buffer {
  return Buffer.from(`${value}\0`);
}

export function hwaddrBytes(hwaddr: string): Buffer {
  return Buffer.from(hwaddr.replaceAll(':', ''), 'hex');
}

export function attributes(list: readonly Attribute[]): Buffer {
  return Buffer.concat(
    list.map(([type, value]) => {
      const payload = Buffer.isBuffer(value) ? value : attributes(value as readonly Attribute[]);
      const bytes = Buffer.alloc(4 + Math.ceil(payload.length / 4) * 4);
      bytes.writeUInt16LE(4 + payload.length, 0);
      bytes.writeUInt16LE(Buffer.isBuffer(value) ? type : type | NLA_F_NESTED, 2);
      payload.copy(bytes, 4);
      return bytes;
    }),
  );
}

/** struct ifinfomsg. */
export function linkHeader({ index = 0, up = false }: { index?: number; up?: boolean } = {}): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeInt32LE(index, 4);
  bytes.writeUInt32LE(up ? IFF_UP : 0, 8);
  bytes.writeUInt32LE(up ? IFF_UP : 0, 12);
  return bytes;
}

/** One message of an answer, without its header. */
export interface Message {
  type: number;
  body: Buffer;
}

export function messages(bytes: Buffer): Message[] {
  const all: Message[] = [];
  for (let at = 0; at + headerBytes <= bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    if (length < headerBytes) break;
    all.push({ type: bytes.readUInt16LE(at + 4), body: bytes.subarray(at + headerBytes, at + length) });
    at += Math.ceil(length / 4) * 4;
  }
  return all;
}

/** Attributes by type; of one that stands twice the last counts. */
export function attributeMap(bytes: Buffer): Map<number, Buffer> {
  const all = new Map<number, Buffer>();
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt16LE(at);
    if (length < 4) break;
    all.set(bytes.readUInt16LE(at + 2) & ~NLA_F_NESTED, bytes.subarray(at + 4, at + length));
    at += Math.ceil(length / 4) * 4;
  }
  return all;
}

export function nested(value: Buffer | undefined): Map<number, Buffer> {
  return value ? attributeMap(value) : new Map();
}

export function dumpRequest(type: number, body: Buffer): Buffer {
  return header(type, NLM_F.request | NLM_F.dump, body);
}

/** A request that the kernel acknowledges. */
export function request(type: number, body: Buffer, options: { create?: boolean } = {}): Buffer {
  return header(type, NLM_F.request | NLM_F.ack | (options.create ? NLM_F.create | NLM_F.excl : 0), body);
}

function header(type: number, flags: number, body: Buffer): Buffer {
  const bytes = Buffer.alloc(headerBytes);
  bytes.writeUInt32LE(headerBytes + body.length, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(flags, 6);
  return Buffer.concat([bytes, body]);
}

/** The error number an acknowledgement carries; 0 is success. */
export function acknowledgedError(answer: Buffer): number {
  if (answer.length < headerBytes + 4 || answer.readUInt16LE(4) !== NLMSG.error) throw new Error('The kernel answered a network request with something else');
  return -answer.readInt32LE(headerBytes);
}
