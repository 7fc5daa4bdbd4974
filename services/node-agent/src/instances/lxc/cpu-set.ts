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
  if (!/^\d+$/.test(limit)) return pinned(limit, hostCpus);
  const count = Number(limit);
  if (count >= hostCpus.length || count < 1) return undefined;
  const load = new Map(hostCpus.map((cpu) => [cpu, 0]));
  for (const set of taken) for (const cpu of parseCpuList(set)) load.set(cpu, (load.get(cpu) ?? 0) + 1);
  const picked = [...hostCpus].sort((a, b) => load.get(a)! - load.get(b)! || a - b).slice(0, count);
  return picked.sort((a, b) => a - b).join(',');
}

/** CPUs the host has not are left out; a set of none such is no limit. */
function pinned(set: string, hostCpus: readonly number[]): string | undefined {
  const cpus = parseCpuList(set);
  const present = cpus.filter((cpu) => hostCpus.includes(cpu));
  if (present.length === cpus.length) return set;
  return present.length === 0 ? undefined : present.join(',');
}

/** An instance whose limit is a number of CPUs, with those it has now. */
export interface Counted {
  id: string;
  limit: string;
  cpus: string | undefined;
}

/** The sets to change so that all share the host evenly again: pinned ones stay, counted ones move only where that makes it more even. */
export function balanced(counted: readonly Counted[], hostCpus: readonly number[], pinnedSets: readonly string[]): Map<string, string | undefined> {
  const load = new Map(hostCpus.map((cpu) => [cpu, 0]));
  const add = (set: string, weight: number): void => parseCpuList(set).forEach((cpu) => load.set(cpu, (load.get(cpu) ?? 0) + weight));
  for (const set of pinnedSets) add(set, 1);
  for (const { cpus } of counted) add(cpus ?? '', 1);
  const changes = new Map<string, string | undefined>();
  for (const { id, limit, cpus } of counted) {
    if (cpus === undefined) continue;
    const had = parseCpuList(cpus);
    add(cpus, -1);
    const best = parseCpuList(pickCpus(limit, hostCpus, expand(load)) ?? cpus);
    const sum = (set: readonly number[]): number => set.reduce((total, cpu) => total + (load.get(cpu) ?? 0), 0);
    const next = sum(best) < sum(had) ? best.join(',') : cpus;
    add(next, 1);
    if (next !== cpus) changes.set(id, next);
  }
  return changes;
}

/** Loads as sets that make them. */
function expand(load: ReadonlyMap<number, number>): string[] {
  return [...load].flatMap(([cpu, count]) => Array.from({ length: count }, () => String(cpu)));
}

/** The sets that the other running instances are bound to. */
export function cpusOfOthers(known: KnownInstances, id: string): string[] {
  return known.all().flatMap(({ spec, running }) => (running?.cpus && spec.id !== id ? [running.cpus] : []));
}
