/** A value at a time in seconds. */
export type Sample = readonly [seconds: number, value: number];

/** What may grow: the median slope of all pairs (Theil and Sen), so that single peaks count for nothing. Per hour. */
export function slopePerHour(samples: readonly Sample[]): number {
  const slopes = samples.flatMap(([x, y], index) => samples.slice(index + 1).map(([x2, y2]) => (y2 - y) / (x2 - x)));
  return slopes.length === 0 ? 0 : median(slopes) * 3600;
}

export interface Verdict {
  median: number;
  perHour: number;
  /** The largest slope that counts as flat. */
  allowed: number;
  flat: boolean;
}

/**
 * Flat is what grows in an hour by at most `share` of its median plus `spare`, once the first third of the run is left out: caches fill and code is
 * compiled in it.
 */
export function verdict(samples: readonly Sample[], { share, spare }: { share: number; spare: number }): Verdict {
  const counted = samples.slice(Math.floor(samples.length / 3));
  const middle = median(counted.map(([, value]) => value));
  const perHour = slopePerHour(counted);
  const allowed = middle * share + spare;
  return { median: middle, perHour, allowed, flat: perHour <= allowed };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return sorted.length === 0 ? 0 : sorted.length % 2 === 1 ? sorted[Math.floor(half)]! : (sorted[half - 1]! + sorted[half]!) / 2;
}
