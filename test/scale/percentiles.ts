/** A measured kind of request. */
export interface Figure {
  name: string;
  count: number;
  p50: number;
  p99: number;
  /** Of a kind with many at once. */
  perSecond?: number;
}

export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? NaN;
}

export function figure(name: string, samples: readonly number[], tookMs?: number): Figure {
  return { name, count: samples.length, p50: percentile(samples, 0.5), p99: percentile(samples, 0.99), ...(tookMs === undefined ? {} : { perSecond: (samples.length / tookMs) * 1000 }) };
}

export function shown({ name, count, p50, p99, perSecond }: Figure): string {
  const ms = (value: number): string => `${value >= 100 ? value.toFixed(0) : value.toFixed(1)} ms`.padStart(10);
  return `${name.padEnd(58)}${String(count).padStart(7)}${ms(p50)}${ms(p99)}${perSecond === undefined ? '' : `${perSecond.toFixed(0)} /s`.padStart(10)}`;
}

/** Takes the time of each, so many at once; throws with the first that fails. */
export async function timed<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<unknown>): Promise<{ samples: number[]; tookMs: number }> {
  const samples: number[] = [];
  const waiting = [...items].reverse();
  const started = performance.now();
  await Promise.all(Array.from({ length: atOnce }, async () => {
    for (let item = waiting.pop(); item !== undefined; item = waiting.pop()) {
      const begun = performance.now();
      await work(item);
      samples.push(performance.now() - begun);
    }
  }));
  return { samples, tookMs: performance.now() - started };
}
