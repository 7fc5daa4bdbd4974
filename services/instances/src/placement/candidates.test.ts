import type { MemberFacts } from '@asterism/agents';
import { describe, expect, it } from 'vitest';
import { candidates } from './candidates.js';

const fact = (name: string, facts: Partial<MemberFacts> = {}): MemberFacts => ({ name, architecture: 'x86_64', online: true, cordoned: false, evacuated: false, groups: ['default'], scheduler: 'all', ...facts });

describe('a member that new instances may come to', () => {
  it('can be reached, and takes something new', () => {
    const members = [fact('m1'), fact('m2', { online: false }), fact('m3', { cordoned: true }), fact('m4', { evacuated: true })];
    expect(candidates(members, {})).toEqual(['m1']);
  });

  it('is left alone when it is only for those that name it or its group', () => {
    const members = [fact('m1', { groups: ['big'] }), fact('m2', { groups: ['big'], scheduler: 'manual' }), fact('m3', { groups: ['big'], scheduler: 'group' }), fact('m4', { scheduler: 'group' })];
    expect(candidates(members, {})).toEqual(['m1']);
    expect(candidates(members, { group: 'big' })).toEqual(['m1', 'm3']);
  });

  it('is in a group that the project may use', () => {
    const members = [fact('m1'), fact('m2', { groups: ['default', 'big'] })];
    expect(candidates(members, { allowedGroups: ['big', 'nope'] })).toEqual(['m2']);
    expect(candidates(members, { allowedGroups: [] })).toEqual([]);
  });

  it('has an architecture that the instance runs on', () => {
    const members = [fact('m1'), fact('m2', { architecture: 'aarch64' })];
    expect(candidates(members, { architectures: ['aarch64'] })).toEqual(['m2']);
    expect(candidates(members, { architectures: ['i686', 'ppc64le'] })).toEqual(['m1']);
    expect(candidates(members, { architectures: ['armv7l'] })).toEqual(['m2']);
    expect(candidates(members, { architectures: ['s390x'] })).toEqual([]);
  });
});
