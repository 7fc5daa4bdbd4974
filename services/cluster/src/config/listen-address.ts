import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

const defaultPort = '8443';

export interface ListenAddress {
  host: string;
  port: string;
}

/** "host", "host:port", "[v6]:port" or ":port"; the port of the API where none is named. */
export function parseListenAddress(text: string): ListenAddress {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  if (bracketed) return { host: bracketed[1]!, port: bracketed[2] ?? defaultPort };
  const colon = text.lastIndexOf(':');
  if (colon < 0 || text.indexOf(':') !== colon) return { host: text, port: defaultPort };
  return { host: text.slice(0, colon), port: text.slice(colon + 1) };
}

/** Why an address cannot be listened on, in LXD's words. */
export async function invalidListenAddress(text: string): Promise<string | undefined> {
  const { host } = parseListenAddress(text);
  if (host === '' || isIP(host)) return undefined;
  const found = await lookup(host).catch(() => undefined);
  return found ? undefined : `Couldn't resolve ${JSON.stringify(host)}`;
}

/** Where clients find a listener: itself, or for a wildcard every address of the host. */
export function reachableAddresses(text: string, hostAddresses: readonly string[]): string[] {
  if (text === '') return [];
  const { host, port } = parseListenAddress(text);
  if (host !== '' && host !== '0.0.0.0' && host !== '::') return [joined(host, port)];
  return hostAddresses.filter((address) => host !== '0.0.0.0' || isIP(address) === 4).map((address) => joined(address, port));
}

function joined(host: string, port: string): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
