import { describe, expect, it } from 'vitest';
import { isConnectionLoss, unreachable } from './postgres-errors.js';

const refused = (code: string): Error => Object.assign(new Error('refused'), { code });

describe('a database that takes nothing for now', () => {
  it.each([
    ['57P01', 'The database cannot be reached'],
    ['53300', 'The database cannot be reached'],
    ['53100', 'The database has no room left'],
  ])('is told of as unavailable: %s', (code, message) => {
    const told = unreachable(refused(code));
    expect(told).toMatchObject({ kind: 'unavailable', message });
    expect(isConnectionLoss(told)).toBe(true);
  });

  it('is not meant by other errors', () => {
    const violation = refused('23505');
    expect(unreachable(violation)).toBe(violation);
  });
});
