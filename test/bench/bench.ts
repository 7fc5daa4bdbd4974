import type { TestServer } from '../servers/server.js';

/** One measured thing. A sample is taken on each server in turn; the result is the ratio of the medians. */
export interface Bench {
  name: string;
  /** Benches of one group share what `prepare` made and are chosen together: `npm run bench -- exec files`. */
  group: string;
  unit: 'ms' | '/s' | 'MiB/s' | 'MiB' | '%';
  repetitions: number;
  /** Not the reference, but Asterism that does not record the steps of its operations; or Asterism in one process, beside one in many. */
  beside?: 'unrecorded' | 'standalone';
  /** Samples before those that count, one if absent: a server is measured in its stride, with caches filled and code compiled. */
  warmUps?: number;
  /** The aim of the ratio Asterism : reference. */
  aim?: { atMost?: number; atLeast?: number };
  /** An aim for Asterism's own number. */
  limit?: number;
  prepare?(server: TestServer): Promise<void>;
  sample(server: TestServer): Promise<number>;
  clean?(server: TestServer): Promise<void>;
}

/** Milliseconds that the work takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** The median of `count` runs of the work, in milliseconds. */
export async function medianTime(count: number, work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let index = 0; index < count; index++) times.push(await timed(work));
  return median(times);
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? (sorted[Math.floor(middle)] ?? Number.NaN) : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

/** Runs `work` for every number below `count`, at most `clients` at a time. */
export async function concurrently(count: number, clients: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (next < count) await work(next++);
    }),
  );
}
