import { describe, expect, it } from 'vitest';
import { isDue } from './cron.js';

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
    ['@hourly', false],
    ['@daily, @hourly', false],
    ['@startup', false],
    ['nonsense', false],
    ['', false],
  ])('%j', (schedule, due) => {
    expect(isDue(schedule, sunday)).toBe(due);
  });

  it('knows aliases', () => {
    expect(isDue('@weekly', new Date('2026-11-22T00:00:00Z'))).toBe(true);
    expect(isDue('@monthly,@hourly', new Date('2026-11-22T05:00:00Z'))).toBe(true);
  });
});
