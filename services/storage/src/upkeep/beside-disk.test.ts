import { describe, expect, it } from 'vitest';
import { besideDisk, inBoth } from './beside-disk.js';

const known = (name: string) => ({ pool: 'default', type: 'container', name, url: `/${name}`, settled: true });
const pool = (volumes: { type: string; name: string; snapshots: string[] }[], problem = '') => ({ name: 'default', problem, volumes });
const disk = (name: string, ...snapshots: string[]) => ({ type: 'container', name, snapshots });

describe('rows of volumes beside what lies in their pool', () => {
  it('agree', () => {
    expect(besideDisk([known('a'), known('a/s')], [pool([disk('a', 's')])])).toEqual({ missing: [], unowned: [] });
  });

  it('differ in volumes and snapshots', () => {
    expect(besideDisk([known('a'), known('b'), known('b/s')], [pool([disk('b', 't'), disk('c')])])).toEqual({
      missing: [known('a'), known('b/s')],
      unowned: [
        { pool: 'default', type: 'container', name: 'b/t' },
        { pool: 'default', type: 'container', name: 'c' },
      ],
    });
  });

  it('do not differ in what is just being made', () => {
    const making = { ...known('a'), settled: false };
    expect([besideDisk([making], [pool([])]), besideDisk([making], [pool([disk('a')])])]).toEqual([besideDisk([], [pool([])]), besideDisk([], [pool([])])]);
  });

  it('say nothing of a pool that is not there, or of images', () => {
    expect(besideDisk([known('a')], [pool([], 'not mounted')])).toEqual({ missing: [], unowned: [] });
    expect(besideDisk([known('a')], [])).toEqual({ missing: [], unowned: [] });
    expect(besideDisk([], [pool([{ type: 'image', name: 'f', snapshots: [] }])]).unowned).toEqual([]);
  });

  it('count what two looks found', () => {
    const first = besideDisk([known('a'), known('b')], [pool([])]);
    expect(inBoth(first, besideDisk([known('b'), known('c')], [pool([])])).missing).toEqual([known('b')]);
  });
});
