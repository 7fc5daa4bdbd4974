import { expect, it } from 'vitest';
import { besideFiles, inBoth } from './beside-files.js';

it('rows without files and files without rows are told apart', () => {
  expect(besideFiles(['a', 'b'], ['b', 'c'])).toEqual({ missing: ['a'], unowned: ['c'] });
});

it('what only one look saw was on its way', () => {
  expect(inBoth({ missing: ['a'], unowned: ['c', 'd'] }, { missing: ['a', 'b'], unowned: ['d'] })).toEqual({ missing: ['a'], unowned: ['d'] });
});
