import { anyAddress } from '../addresses.js';

/** One side of a proxy device. */
export interface ProxyAddress {
  protocol: 'tcp' | 'udp' | 'unix';
  /** An IP address (empty: any), or a path; an abstract socket's begins with "@". */
  address: string;
  /** Empty for unix sockets. */
  ports: number[];
}

/** "tcp:10.0.0.1:80,8000-8010", "unix:/run/x.sock" or "unix:@name"; LXD's sentence where it is none. */
export function parseProxyAddress(text: string): ProxyAddress | string {
  const colon = text.indexOf(':');
  const protocol = colon < 0 ? text : text.slice(0, colon);
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'unix') return `Unknown protocol type ${JSON.stringify(protocol)}`;
  const rest = colon < 0 ? '' : text.slice(colon + 1);
  if (rest === '') return 'Missing address';
  if (protocol === 'unix') return { protocol, address: rest, ports: [] };
  const parts = splitHostPort(rest);
  if (typeof parts === 'string') return parts;
  if (parts.host !== '' && anyAddress(parts.host) !== undefined) return `Not an IP address ${JSON.stringify(parts.host)}`;
  const ports = parsePorts(parts.port);
  return typeof ports === 'string' ? ports : { protocol, address: parts.host, ports };
}

function splitHostPort(text: string): { host: string; port: string } | string {
  const bracketed = /^\[([^\]]*)\](.*)$/.exec(text);
  if (bracketed) return bracketed[2]!.startsWith(':') ? { host: bracketed[1]!, port: bracketed[2]!.slice(1) } : `address ${text}: missing port in address`;
  const parts = text.split(':');
  if (parts.length === 1) return `address ${text}: missing port in address`;
  return parts.length > 2 ? `address ${text}: too many colons in address` : { host: parts[0]!, port: parts[1]! };
}

function parsePorts(text: string): number[] | string {
  const ports: number[] = [];
  for (const part of text.split(',')) {
    const ends = part.split('-', 2);
    const bad = ends.find((end) => !/^\d+$/.test(end));
    if (bad !== undefined) return `strconv.ParseInt: parsing ${JSON.stringify(bad)}: invalid syntax`;
    const [first = 0, last = first] = ends.map(Number);
    if (last < first) return 'End port should be higher than start port';
    if (last - first > 65_535) return `Invalid port range ${part}`;
    for (let port = first; port <= last; port++) ports.push(port);
  }
  return ports;
}
