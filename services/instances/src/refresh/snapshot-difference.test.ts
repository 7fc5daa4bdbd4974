import { describe, expect, it } from 'vitest';
import { snapshotDifference } from './snapshot-difference.js';

const taken = (name: string, at: number): { name: string; created_at: Date } => ({ name, created_at: new Date(at) });

describe('a refresh', () => {
  it('brings what is missing and drops what is not the source\'s', () => {
    const { drop, bring } = snapshotDifference([taken('s0', 1), taken('own', 2), taken('s2', 9)], [taken('s0', 1), taken('s1', 2), taken('s2', 3)]);
    expect(drop.map(({ name }) => name)).toEqual(['own', 's2']);
    expect(bring.map(({ name }) => name)).toEqual(['s1', 's2']);
  });
  it('has nothing to do between equals', () => expect(snapshotDifference([taken('s0', 1)], [taken('s0', 1)])).toEqual({ drop: [], bring: [] }));
});
