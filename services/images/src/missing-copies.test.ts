import { describe, expect, it } from 'vitest';
import { missingCopies } from './missing-copies.js';

const online = ['m1', 'm2', 'm3', 'm4'];

describe('an image in a cluster', () => {
  it.each([
    [{ members: ['m1'], online, wanted: 3 }, ['m2', 'm3']],
    [{ members: ['m1'], online, wanted: -1 }, ['m2', 'm3', 'm4']],
    [{ members: ['m1', 'm2'], online, wanted: 1 }, []],
    [{ members: ['m1', 'm9'], online, wanted: 2 }, ['m2']],
    [{ members: [], online: [], wanted: 3 }, []],
  ])('%j is copied to %j', (image, expected) => expect(missingCopies(image)).toEqual(expected));
});
