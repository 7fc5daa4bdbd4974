import { readFileSync, readdirSync } from 'node:fs';

/** Of one process, where there are several on average. */
export interface Usage {
  count: number;
  /** Resident MiB; of what processes share, each has its part. */
  memory: number;
  descriptors: number;
}

/** What the processes of a host use, by what they are: PostgreSQL's come and go. */
export function usageByKind(pids: readonly number[]): Map<string, Usage> {
  const kinds = new Map<string, Usage>();
  for (const pid of pids) {
    const kind = kindOf(pid);
    const own = kind === undefined ? undefined : usageOf(pid);
    if (kind === undefined || own === undefined) continue;
    const { count, memory, descriptors } = kinds.get(kind) ?? { count: 0, memory: 0, descriptors: 0 };
    const average = (before: number, value: number): number => (before * count + value) / (count + 1);
    kinds.set(kind, { count: count + 1, memory: average(memory, own.memory), descriptors: average(descriptors, own.descriptors) });
  }
  return kinds;
}

/** Undefined for what is no part of the server. */
function kindOf(pid: number): string | undefined {
  const words = read(`/proc/${pid}/cmdline`).split('\0');
  const [command = '', line] = [words[0] ?? '', words.join(' ')];
  if (line.includes('/forwarder/main')) return 'forwarder';
  if (line.includes('/standalone/')) return 'server';
  if (/^postgres|\/postgres$/.test(command)) return 'postgres';
  if (command.endsWith('dnsmasq')) return 'dnsmasq';
  if (line.startsWith('[lxc monitor]')) return 'lxc monitor';
  return undefined;
}

function usageOf(pid: number): Omit<Usage, 'count'> | undefined {
  const kilobytes = /^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1];
  if (kilobytes === undefined) return undefined;
  try {
    return { memory: Number(kilobytes) / 1024, descriptors: readdirSync(`/proc/${pid}/fd`).length };
  } catch {
    return undefined;
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
