import { LxdError } from '@asterism/errors';
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

  it('is not meant by a file that is missing, but by its socket', () => {
    const missing = "ENOENT: no such file or directory, open '/pools/x/backup.yaml'";
    expect([new Error(missing), new LxdError('internal', missing)].map(isConnectionLoss)).toEqual([false, false]);
    expect(isConnectionLoss(new Error('connect ENOENT /var/lib/asterism/database/.s.PGSQL.5432'))).toBe(true);
  });
});
