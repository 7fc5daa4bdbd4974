/** Messages of rtnetlink (linux/rtnetlink.h) as bytes; nothing here touches the kernel. */

export const RTM = { newLink: 16, delLink: 17 } as const;
export const IFLA = { address: 1, ifname: 3, mtu: 4, master: 10, linkInfo: 18, infoKind: 1, infoData: 2, vethPeer: 1 } as const;
const NLM_F = { request: 1, ack: 4, excl: 0x200, create: 0x400 } as const;
const NLMSG_ERROR = 2;
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

/** A request that the kernel acknowledges. */
export function request(type: number, body: Buffer, options: { create?: boolean } = {}): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.writeUInt32LE(headerBytes + body.length, 0);
  header.writeUInt16LE(type, 4);
  header.writeUInt16LE(NLM_F.request | NLM_F.ack | (options.create ? NLM_F.create | NLM_F.excl : 0), 6);
  return Buffer.concat([header, body]);
}

/** The error number an acknowledgement carries; 0 is success. */
export function acknowledgedError(answer: Buffer): number {
  if (answer.length < headerBytes + 4 || answer.readUInt16LE(4) !== NLMSG_ERROR) throw new Error('The kernel answered a network request with something else');
  return -answer.readInt32LE(headerBytes);
}
