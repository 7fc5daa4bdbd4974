import type { KnownInstances } from '../known-instances.js';

/** CPUs of a list as the kernel writes it: "0-2,5" is [0, 1, 2, 5]. */
export function parseCpuList(text: string): number[] {
  return text
    .trim()
    .split(',')
    .filter(Boolean)
    .flatMap((part) => {
      const [first = 0, last = first] = part.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });
}

/**
 * Which CPUs an instance gets: a pinned set as it stands ("1-3", "2,5"), or for a count the least used ones; undefined when the limit
 * is absent or not smaller than the host.
 * @param taken the sets of the other running instances
 */
export function pickCpus(limit: string | undefined, hostCpus: readonly number[], taken: readonly string[]): string | undefined {
  if (!limit) return undefined;
  if (!/^\d+$/.test(limit)) return limit;
  const count = Number(limit);
  if (count >= hostCpus.length || count < 1) return undefined;
  const load = new Map(hostCpus.map((cpu) => [cpu, 0]));
  for (const set of taken) for (const cpu of parseCpuList(set)) load.set(cpu, (load.get(cpu) ?? 0) + 1);
  const picked = [...hostCpus].sort((a, b) => load.get(a)! - load.get(b)! || a - b).slice(0, count);
  return picked.sort((a, b) => a - b).join(',');
}

/** The sets that the other running instances are bound to. */
export function cpusOfOthers(known: KnownInstances, id: string): string[] {
  return known.all().flatMap(({ spec, running }) => (running?.cpus && spec.id !== id ? [running.cpus] : []));
}
