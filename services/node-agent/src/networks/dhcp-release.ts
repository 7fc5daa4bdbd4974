import { createSocket } from 'node:dgram';
import { bridgeKeys, subnets } from '@asterism/config-keys';
import type { Host } from '../host/host.js';
import type { Dnsmasq } from './dnsmasq.js';
import { parseLeases } from './leases.js';

/** Gives the IPv4 leases of a MAC back to the network's DHCP server, for a guest that is gone. A lost message costs a lease that ends by itself. */
export async function releaseLeases(host: Host, dnsmasq: Dnsmasq, config: Readonly<Record<string, string>>, hwaddr: string): Promise<void> {
  const cidr = config[bridgeKeys.ipv4Address.name] ?? '';
  if (!subnets.subnetOf(cidr) || hwaddr === '') return;
  const server = cidr.slice(0, cidr.indexOf('/'));
  const leases = parseLeases(await host.files.readText(dnsmasq.files.leases).catch(() => ''));
  for (const lease of leases) {
    if (lease.hwaddr === hwaddr && !lease.address.includes(':')) await send(releaseMessage({ hwaddr, address: lease.address, server }), server).catch(() => undefined);
  }
}

const release = 7;

/** A DHCPRELEASE (RFC 2131), with the client id that our guests' clients use: their MAC. */
export function releaseMessage({ hwaddr, address, server }: { hwaddr: string; address: string; server: string }): Buffer {
  const mac = Buffer.from(hwaddr.replaceAll(':', ''), 'hex');
  const message = Buffer.alloc(240);
  message.set([1, 1, 6], 0); // BOOTREQUEST over Ethernet
  message.writeUInt32BE(1, 4);
  message.writeUInt32BE(Number(subnets.parseIp(address).value), 12);
  message.set(mac, 28);
  message.writeUInt32BE(0x63825363, 236);
  const serverId = Buffer.alloc(4);
  serverId.writeUInt32BE(Number(subnets.parseIp(server).value));
  return Buffer.concat([message, Buffer.from([53, 1, release, 54, 4]), serverId, Buffer.from([61, 7, 1]), mac, Buffer.from([255])]);
}

function send(message: Buffer, server: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.send(message, 67, server, (error) => {
      socket.close();
      if (error) reject(error);
      else resolve();
    });
  });
}
