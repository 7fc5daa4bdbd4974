import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';

/** A listening address of the configuration ("[::]:8443", "10.0.0.1", ":8443"); undefined for none. */
export function parseListenAddress(text: string, defaultPort = 8443): { host: string; port: number } | undefined {
  if (text === '') return undefined;
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(text);
  if (!match) return { host: text, port: defaultPort };
  return { host: match[1] ?? match[2] ?? '', port: match[3] === undefined ? defaultPort : Number(match[3]) };
}

/** Addresses under which others reach a listener: the one it is bound to, or every global one of this host. */
export function reachableAddresses({ host, port }: { host: string; port: number }): string[] {
  if (host !== '' && host !== '::' && host !== '0.0.0.0') return [joined(host, port)];
  const found = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return found
    .filter(({ address, internal, family }) => !internal && !address.startsWith('fe80:') && !(host === '0.0.0.0' && family === 'IPv6'))
    .map(({ address }) => joined(address, port));
}

function joined(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}
