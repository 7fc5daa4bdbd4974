import { describe, expect, it } from 'vitest';
import { slopePerHour, verdict, type Sample } from './trend.js';

const every30s = (count: number, value: (minute: number) => number): Sample[] => Array.from({ length: count }, (_, index) => [index * 30, value(index / 2)]);
const mebibytes = { share: 0.1, spare: 8 };

describe('the trend of a process', () => {
  it('is told per hour', () => {
    expect(slopePerHour(every30s(40, (minute) => 100 + minute))).toBeCloseTo(60);
    expect(slopePerHour([])).toBe(0);
  });

  it('is flat when it only swings, or grew at the beginning', () => {
    expect(verdict(every30s(40, (minute) => 150 + (minute % 3) * 10), mebibytes).flat).toBe(true);
    expect(verdict(every30s(40, (minute) => Math.min(150, 80 + minute * 15)), mebibytes).flat).toBe(true);
    expect(verdict(every30s(40, (minute) => (minute === 10 ? 900 : 150)), mebibytes).flat).toBe(true);
  });

  it('is not flat when something is kept for ever', () => {
    expect(verdict(every30s(40, (minute) => 150 + minute * 0.6 + (minute % 2) * 3), mebibytes)).toMatchObject({ flat: false });
    expect(verdict(every30s(40, (minute) => 30 + Math.floor(minute / 4)), { share: 0, spare: 6 }).flat).toBe(false);
  });
});
