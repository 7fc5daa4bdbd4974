import { subnets, type ProxyAddress } from '@asterism/config-keys';
import type { SocketKind } from './system.js';

const AF = { unix: 1, inet: 2, inet6: 10 } as const;

export function familyOf({ protocol, address }: ProxyAddress): SocketKind['family'] {
  if (protocol === 'unix') return 'unix';
  return address === '' || address.includes(':') ? 'inet6' : 'inet';
}

/** Any address of either family: what an empty host, and "::", mean. */
export function isAnyAddress({ protocol, address }: ProxyAddress): boolean {
  return protocol !== 'unix' && (address === '' || address === '::');
}

/** The kernel's form of an address. */
export function socketAddress(address: ProxyAddress, port: number): Buffer {
  const family = familyOf(address);
  if (family === 'unix') return unixAddress(address.address);
  const { value } = subnets.parseIp(address.address === '' ? '::' : address.address);
  const bytes = Buffer.alloc(family === 'inet' ? 16 : 28);
  bytes.writeUInt16LE(AF[family], 0);
  bytes.writeUInt16BE(port, 2);
  if (family === 'inet') bytes.writeUInt32BE(Number(value), 4);
  else Buffer.from(value.toString(16).padStart(32, '0'), 'hex').copy(bytes, 8);
  return bytes;
}

/** "@name" is an abstract socket, which ends with its last byte; a path ends with a null byte. */
function unixAddress(path: string): Buffer {
  const name = Buffer.from(path.startsWith('@') ? `\0${path.slice(1)}` : `${path}\0`);
  if (name.length > 108) throw new Error(`The path of the socket is too long: ${path}`);
  const bytes = Buffer.alloc(2 + name.length);
  bytes.writeUInt16LE(AF.unix, 0);
  name.copy(bytes, 2);
  return bytes;
}
