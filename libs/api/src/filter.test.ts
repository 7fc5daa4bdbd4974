import { describe, expect, it } from 'vitest';
import { matchesFilter, parseFilter } from './filter.js';

const instance = {
  name: 'c1',
  status: 'Running',
  ephemeral: false,
  config: { 'user.name': 'Ann Lee', 'limits.cpu': '2' },
  devices: { root: { type: 'disk', pool: 'default' } },
};
const matches = (filter: string): boolean => matchesFilter(instance, parseFilter(filter));

describe('the filter of a list', () => {
  it.each([
    ['', true],
    ['name eq c1', true],
    ['name ne c1', false],
    ['not name eq c1', false],
    ['name eq c2 or status eq Running', true],
    ['name eq c1 and status eq Stopped', false],
    ['ephemeral eq false', true],
    ['config.limits.cpu eq 2', true],
    ['config.user.name eq "Ann Lee"', true],
    ["config.user.name eq 'Ann Lee' and name eq c1", true],
    ['devices.root.pool eq default', true],
    ['nothing eq x', false],
    ['name like c1', false],
    ['status eq running', true],
    ['name eq c[12]', true],
    ['name eq c', false],
    ['name eq (c+)+', false],
  ])('%j gives %s', (filter, expected) => {
    expect(matches(filter)).toBe(expected);
  });

  it.each([
    ['name', 'Invalid filter: clause has no operator'],
    ['name eq', 'Invalid filter: clause has no value'],
    ['not', 'Invalid filter: incomplete not clause'],
    ['name eq c1 xor a eq b', 'Invalid filter: invalid clause composition'],
    ['name eq c1 and', 'Invalid filter: unterminated compound clause'],
    ['name eq "c1', 'Invalid filter: unterminated quote'],
  ])('refuses %j', (filter, message) => {
    expect(() => parseFilter(filter)).toThrow(message);
  });
});
