import type { Database } from '@asterism/database';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { InstanceCounts } from './instance-counts.js';

function countsOf(member: string, instances: number, tookMs: number): { counts: InstanceCounts; queries: () => number } {
  let queries = 0;
  const query = async () => (queries++, await sleep(tookMs), [{ member, instances }]);
  return { counts: new InstanceCounts({ query } as unknown as Database), queries: () => queries };
}

describe('counts of instances', () => {
  it('serve for as long as counting was worth, and know who came since', async () => {
    const { counts, queries } = countsOf('m1', 5, 200);
    await counts.get([]);
    counts.came('m1');
    counts.came('m2');
    expect(Object.fromEntries(await counts.get([]))).toEqual({ m1: 6, m2: 1 });
    expect(queries()).toBe(1);
  });

  it('know who came while they were taken', async () => {
    const { counts } = countsOf('m1', 5, 50);
    const taken = counts.get([{ project: 'default', name: 'c1' }]);
    counts.came('m1');
    expect((await taken).get('m1')).toBe(6);
  });
});
