import { LxdError } from '@asterism/errors';
import type { Host } from '../host/host.js';

/** One link as `ip -json -details -statistics address` tells of it; only what is read here. */
export interface Link {
  ifindex: number;
  ifname: string;
  flags: string[];
  mtu: number;
  operstate: string;
  link_type: string;
  address?: string;
  master?: string;
  link?: string;
  linkinfo?: { info_kind?: string; info_slave_kind?: string; info_data?: Record<string, unknown> };
  addr_info: { family: 'inet' | 'inet6'; local: string; prefixlen: number; scope: string; label?: string; dynamic?: boolean }[];
  stats64?: { rx: LinkCounters; tx: LinkCounters };
}

interface LinkCounters {
  bytes: number;
  packets: number;
}

/** Undefined when the host has no such link. */
export async function readLink(host: Host, name: string): Promise<Link | undefined> {
  if (!(await host.links.exists(linkName(name)))) return undefined;
  const { stdout, code } = await host.exec(['ip', '-json', '-details', '-statistics', 'address', 'show', 'dev', name], { okCodes: [0, 1] });
  return code === 0 ? parseLinks(stdout)[0] : undefined;
}

export async function readLinks(host: Host): Promise<Link[]> {
  return parseLinks((await host.exec(['ip', '-json', '-details', 'address', 'show'])).stdout);
}

/** iproute2 writes empty objects between links that were filtered out. */
function parseLinks(stdout: string): Link[] {
  return (JSON.parse(stdout || '[]') as Link[]).filter((link) => link.ifname !== undefined);
}

/** One `ip` command without the word "ip", as words. */
export type IpCommand = readonly string[];

/** Runs commands in one process, in order; stops at the first that fails. */
export async function runIp(host: Host, commands: readonly IpCommand[]): Promise<void> {
  if (commands.length === 0) return;
  await host.exec(['ip', '-batch', '-'], { input: `${commands.map(batchLine).join('\n')}\n` });
}

/** The same inside the network namespace of a process. */
export async function runIpOf(host: Host, pid: number, commands: readonly IpCommand[]): Promise<void> {
  await host.exec(['nsenter', `--net=/proc/${pid}/ns/net`, 'ip', '-batch', '-'], { input: `${commands.map(batchLine).join('\n')}\n` });
}

/** Words of a batch line must not be able to become another line or another word. */
function batchLine(command: IpCommand): string {
  for (const word of command) {
    if (!/^[\w.:/@%+-]+$/.test(word)) throw new LxdError('bad-request', `Invalid word in a network command: ${JSON.stringify(word)}`);
  }
  return command.join(' ');
}

export function isLinkName(name: string): boolean {
  return /^[-_a-zA-Z0-9.]{1,15}$/.test(name) && name !== '.' && name !== '..';
}

/** The name, once it is one: it becomes part of paths below /proc and /sys. */
export function linkName(name: string): string {
  if (!isLinkName(name)) throw new LxdError('bad-request', `Invalid network interface name ${JSON.stringify(name)}`);
  return name;
}
