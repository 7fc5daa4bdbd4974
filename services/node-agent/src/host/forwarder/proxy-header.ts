import { isIPv4, type Socket } from 'node:net';

/** Who a connection comes from, as the first line of version 1 of the PROXY protocol. */
export function proxyHeader(client: Pick<Socket, 'remoteAddress' | 'remotePort' | 'localAddress' | 'localPort'>): string {
  const { remoteAddress, remotePort, localAddress, localPort } = client;
  if (!remoteAddress || !localAddress) return 'PROXY UNKNOWN\r\n';
  const [from, to] = [plain(remoteAddress), plain(localAddress)];
  return `PROXY ${isIPv4(from) ? 'TCP4' : 'TCP6'} ${from} ${to} ${remotePort} ${localPort}\r\n`;
}

/** IPv4 over a socket of both families is IPv4. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '').replace(/%.*$/, '');
}
