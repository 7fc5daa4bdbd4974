/** How far the database's clock may be from where it should be, in milliseconds, before it counts as set. */
const toleranceMs = 2_000;

/** What the database is told when it is asked for expired leases. */
export interface Expectation {
  /** Unix milliseconds that its clock should show; null at the first look. */
  clockMs: number | null;
  toleranceMs: number;
  /** Whether leases may be believed at all. */
  settled: boolean;
}

/**
 * Leases end by the database's clock. One that was set makes those of the living look expired, so that for the time of a lease after it was seen
 * to jump nobody takes over from others: who lives has renewed its leases by then.
 */
export class LeaseClock {
  #seen: { clockMs: number; at: number } | undefined;
  #settledAt = 0;

  constructor(private readonly leaseMs: number) {}

  /** @param at milliseconds of a clock that nobody sets. */
  expectation(at: number): Expectation {
    return { clockMs: this.#seen ? this.#seen.clockMs + at - this.#seen.at : null, toleranceMs, settled: at >= this.#settledAt };
  }

  /** What the database's clock showed when it was asked. */
  saw(clockMs: number, at: number): void {
    const { clockMs: expected } = this.expectation(at);
    if (expected !== null && Math.abs(clockMs - expected) >= toleranceMs) this.#settledAt = at + this.leaseMs;
    this.#seen = { clockMs, at };
  }
}
