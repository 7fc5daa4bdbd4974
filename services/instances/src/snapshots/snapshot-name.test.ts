import { describe, expect, it } from 'vitest';
import { nextSnapshotName } from './snapshot-name.js';

const now = new Date('2026-01-02T03:04:05Z');

describe('the next name of a snapshot', () => {
  it.each([
    ['snap%d', [], 'snap0'],
    ['snap%d', ['snap0', 'snap4', 'other'], 'snap5'],
    ['daily', [], 'daily'],
    ['daily', ['daily'], 'daily-0'],
    ['daily', ['daily', 'daily-0'], 'daily-1'],
    ['at-{{ creation_date }}', [], 'at-2026-01-02_03-04-05'],
  ])('of %j beside %j is %j', (pattern, taken, expected) => {
    expect(nextSnapshotName(pattern, taken, now)).toBe(expected);
  });
});
