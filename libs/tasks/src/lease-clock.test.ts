import { describe, expect, it } from 'vitest';
import { LeaseClock } from './lease-clock.js';

describe('the clock of leases', () => {
  it('is believed at the first look, and while it goes as time does', () => {
    const clock = new LeaseClock(15_000);
    expect(clock.expectation(100)).toMatchObject({ clockMs: null, settled: true });
    clock.saw(1_000_000, 100);
    expect(clock.expectation(5_100)).toMatchObject({ clockMs: 1_005_000, settled: true });
    clock.saw(1_005_400, 5_100);
    expect(clock.expectation(10_100).settled).toBe(true);
  });

  it.each([[3_600_000], [-3_600_000]])('is not believed for the time of a lease after it was set by %s ms', (step) => {
    const clock = new LeaseClock(15_000);
    clock.saw(10_000_000, 0);
    clock.saw(10_005_000 + step, 5_000);
    expect(clock.expectation(10_000)).toMatchObject({ clockMs: 10_010_000 + step, settled: false });
    clock.saw(10_010_000 + step, 10_000);
    expect(clock.expectation(19_999).settled).toBe(false);
    expect(clock.expectation(20_000).settled).toBe(true);
  });
});
