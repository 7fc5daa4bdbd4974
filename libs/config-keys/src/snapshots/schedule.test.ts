// proves: snapshot_scheduling, snapshot_schedule_aliases
import { describe, expect, it } from 'vitest';
import { isDue, isDueAtStart } from './schedule.js';

const sunday = new Date('2026-11-22T06:30:00Z');

describe('a schedule', () => {
  it.each([
    ['* * * * *', true],
    ['30 6 * * *', true],
    ['31 6 * * *', false],
    ['*/15 * * * *', true],
    ['0-40/10 6 * * 0', true],
    ['30 6 * * 7', true],
    ['30 6 1 * 0', true],
    ['30 6 1 * 1', false],
    ['20/10 * * * *', true],
    ['0 0 1 1 *, 30 6 * * *', true],
    ['@never', false],
    ['@startup', false],
    ['nonsense', false],
    ['', false],
  ])('%j', (schedule, due) => {
    expect(isDue(schedule, sunday, 'a')).toBe(due);
  });

  it.each([
    ['@hourly', 24 * 7],
    ['@daily', 7],
    ['@midnight', 7],
    ['@weekly', 1],
    ['@monthly', 1],
    ['@daily, @weekly', 7],
    ['@DAILY,@hourly', 24 * 7],
    ['@yearly', 0],
  ])('of %s is due %i times in the first week of a month that begins on a Sunday', (schedule, times) => {
    const start = Date.UTC(2026, 10, 1);
    for (const subject of ['9a3c', '']) {
      const due = Array.from({ length: 7 * 24 * 60 }, (_, minute) => isDue(schedule, new Date(start + minute * 60_000), subject)).filter(Boolean);
      expect(due.length).toBe(times);
    }
  });

  it('is spread: two subjects have two minutes', () => {
    const minuteOf = (subject: string): number => Array.from({ length: 60 }, (_, minute) => minute).find((minute) => isDue('@hourly', new Date(Date.UTC(2026, 0, 1, 0, minute)), subject))!;
    expect(new Set(['a', 'b', 'c', 'd'].map(minuteOf)).size).toBeGreaterThan(1);
  });

  it.each([
    ['@startup', true],
    ['@daily, @startup', true],
    ['@daily', false],
    ['', false],
  ])('%j asks for a snapshot at start: %s', (schedule, asks) => expect(isDueAtStart(schedule)).toBe(asks));
});
