import { describe, expect, it } from 'vitest';
import { besideMember } from './beside-member.js';
import type { NetworkRow } from './network.store.js';

const row = (name: string, more: Partial<NetworkRow & { leaving: boolean }> = {}) => ({ name, status: 'created', leaving: false, ...more }) as NetworkRow & { leaving: boolean };

describe('networks beside a member', () => {
  it('differ where one side has what the other has not', () => {
    expect(besideMember([row('a'), row('b')], ['b', 'c'])).toEqual({ missing: [row('a')], unowned: ['c'] });
  });

  it('are left alone while they are made or deleted', () => {
    expect(besideMember([row('new', { status: 'pending' }), row('old', { leaving: true })], [])).toEqual({ missing: [], unowned: [] });
    expect(besideMember([row('new', { status: 'pending' })], ['new']).unowned).toEqual([]);
  });
});
