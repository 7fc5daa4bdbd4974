import { describe, expect, it } from 'vitest';
import { leastLoaded } from './least-loaded.js';

describe('a new instance', () => {
  it('comes to the member with the fewest', () => expect(leastLoaded([{ member: 'm1', instances: 3 }, { member: 'm2', instances: 1 }])).toBe('m2'));
  it('comes to the first of equals', () => expect(leastLoaded([{ member: 'm2', instances: 1 }, { member: 'm1', instances: 1 }])).toBe('m1'));
  it('has no place where there is no member', () => expect(leastLoaded([])).toBeUndefined());
});
