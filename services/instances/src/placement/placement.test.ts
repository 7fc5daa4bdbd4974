import type { Agents } from '@asterism/agents';
import type { Database } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import type { ClusterGroups } from '@asterism/proto';
import { describe, expect, it } from 'vitest';
import { Placement, requireMayTarget } from './placement.js';

const members = ['m1', 'm2', 'm3', 'm4'];
const facts = members.map((name) => ({ name, architecture: 'x86_64', online: true, cordoned: false, evacuated: name === 'm4', groups: name === 'm2' ? ['default', 'big'] : ['default'], scheduler: 'all' }));
const agents = { isClustered: true, members: () => members, facts: () => facts, nameOf: (name: string) => (members.includes(name) ? name : undefined) } as unknown as Agents;
const database = (counts: Record<string, number>): Database => ({ query: async () => Object.entries(counts).map(([member, instances]) => ({ member, instances })) }) as unknown as Database;
const groups = {
  async get(_call: unknown, { name }: { name: string }) {
    if (name !== 'empty') throw new LxdError('not-found', 'Cluster group not found');
    return {};
  },
} as unknown as ClusterGroups;

describe('the place of a new instance', () => {
  it('is found for many at once so that they spread', async () => {
    const placement = new Placement(agents, database({ m1: 2, m2: 0 }), groups);
    const places = await Promise.all(Array.from({ length: 7 }, (_, index) => placement.choose('', { project: 'default', name: `c${index}` })));
    const countOf = (member: string): number => places.filter((place) => place.member === member).length;
    expect(members.map(countOf)).toEqual([1, 3, 3, 0]);
  });

  it('is the one asked for', async () => {
    const placement = new Placement(agents, database({}), groups);
    expect((await placement.choose('m3', { project: 'default', name: 'c1' })).member).toBe('m3');
    await expect(placement.choose('m9', { project: 'default', name: 'c1' })).rejects.toThrow('Cluster member not found');
    await expect(placement.choose('m4', { project: 'default', name: 'c1' })).rejects.toThrow('Cluster member is evacuated');
  });

  it('is in the group asked for', async () => {
    const placement = new Placement(agents, database({ m2: 9 }), groups);
    const of = (target: string, allowedGroups?: string[]): Promise<string> => placement.choose(target, { project: 'default', name: 'c1' }, { allowedGroups }).then(({ member }) => member);
    await expect(of('@big')).resolves.toBe('m2');
    await expect(of('@nope')).rejects.toThrow('Cluster group "nope" doesn\'t exist');
    await expect(of('@empty')).rejects.toThrow('No suitable cluster member could be found');
    await expect(of('@default', ['big'])).rejects.toThrow("Project isn't allowed to use this cluster group");
    await expect(of('m1', ['big'])).rejects.toThrow("Project isn't allowed to use this cluster member");
    await expect(of('', ['big'])).resolves.toBe('m2');
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
