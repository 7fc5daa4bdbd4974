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
    ["{{ creation_date|date:'2006-01-02' }}", ['2026-01-02'], '2026-01-02-0'],
    ['{{creation_date | date:"Jan02"}}-%d', [], 'Jan02-0'],
    ['{{ config }}', [], '{{ config }}'],
    ['at-{{ creation_date }}', [], 'at-2026-01-02_03-04-05'],
  ])('of %j beside %j is %j', (pattern, taken, expected) => {
    expect(nextSnapshotName(pattern, taken, now)).toBe(expected);
  });
});
