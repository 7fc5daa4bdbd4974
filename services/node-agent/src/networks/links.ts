import { LxdError } from '@asterism/errors';
import type { Host } from '../host/host.js';

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
