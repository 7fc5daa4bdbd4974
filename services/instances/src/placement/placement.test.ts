import type { Agents } from '@asterism/agents';
import type { Database } from '@asterism/database';
import { describe, expect, it } from 'vitest';
import { Placement, requireMayTarget } from './placement.js';

const members = ['m1', 'm2', 'm3'];
const agents = { isClustered: true, members: () => members, open: () => members, nameOf: (name: string) => (members.includes(name) ? name : undefined) } as unknown as Agents;
const database = (counts: Record<string, number>): Database => ({ query: async () => Object.entries(counts).map(([member, instances]) => ({ member, instances })) }) as unknown as Database;

describe('the place of a new instance', () => {
  it('is found for many at once so that they spread', async () => {
    const placement = new Placement(agents, database({ m1: 2, m2: 0 }));
    const places = await Promise.all(Array.from({ length: 7 }, (_, index) => placement.choose('', { project: 'default', name: `c${index}` })));
    const countOf = (member: string): number => places.filter((place) => place.member === member).length;
    expect(members.map(countOf)).toEqual([1, 3, 3]);
  });

  it('is the one asked for', async () => {
    const placement = new Placement(agents, database({}));
    expect((await placement.choose('m3', { project: 'default', name: 'c1' })).member).toBe('m3');
    await expect(placement.choose('m9', { project: 'default', name: 'c1' })).rejects.toThrow('Cluster member not found');
  });

  it('is not for everybody to ask for in a restricted project', () => {
    const blocked = { restricted: 'true' };
    expect(() => requireMayTarget(blocked, { target: 'm2', by_restricted: true })).toThrow("This project doesn't allow cluster member targeting");
    for (const [project, request] of [
      [blocked, { target: 'm2', by_restricted: false }],
      [blocked, { target: '', by_restricted: true }],
      [{}, { target: 'm2', by_restricted: true }],
      [{ restricted: 'true', 'restricted.cluster.target': 'allow' }, { target: 'm2', by_restricted: true }],
    ] as const) {
      expect(() => requireMayTarget(project, request)).not.toThrow();
    }
  });
});
