import { describe, expect, it } from 'vitest';
import type { InstanceRow } from '../instance.js';
import { draftInstance, placeInstance } from '../create/plan.js';
import { changedRow, mergeWish } from './plan.js';

const facts = { pools: { default: { driver: 'dir', config: {}, members: ['none'] }, other: { driver: 'dir', config: {}, members: ['none'] } }, networks: { lxdbr0: { name: 'lxdbr0', type: 'bridge', managed: true, config: {} } } };
const profile = { name: 'default', config: {}, devices: { root: { type: 'disk', path: '/', pool: 'default' } } };
const draft = draftInstance({ project: 'default', name: 'c1', member: 'none', type: 'container', architecture: 'x86_64', description: '', ephemeral: false, config: { 'user.a': '1' }, devices: { eth0: { type: 'nic', network: 'lxdbr0' } }, profiles: [profile], trigger: 'create' });
const row = { ...placeInstance(draft, facts), status: 'Stopped', stateful: false, status_code: 102, volume_path: '/v', created_at: new Date(), last_used_at: null } as InstanceRow;

describe('the change of an instance', () => {
  it('keeps its identity through a PUT that leaves it out', () => {
    const changed = changedRow(row, { config: { 'user.b': '2' }, devices: {}, profiles: ['default'] }, [profile], facts);
    expect(changed.config['volatile.uuid']).toBe(row.config['volatile.uuid']);
    expect(changed.config).not.toHaveProperty(['user.a']);
  });

  it('forgets volatile keys of devices that went, and gives new ones theirs', () => {
    const changed = changedRow(row, mergeWish(row, { config: {}, devices: { eth1: { type: 'nic', network: 'lxdbr0' } } }), [profile], facts);
    expect(changed.config['volatile.eth1.hwaddr']).toMatch(/^00:16:3e/);
    const without = changedRow(row, { ...mergeWish(row, { config: {}, devices: {} }), devices: {} }, [profile], facts);
    expect(without.config).not.toHaveProperty(['volatile.eth0.hwaddr']);
  });

  it('keeps the root disk where it is', () => {
    const moved = { root: { type: 'disk', path: '/', pool: 'other' } };
    expect(() => changedRow(row, { config: {}, devices: moved, profiles: ['default'] }, [profile], facts)).toThrow('Cannot update root disk device pool name to "other"');
    expect(() => changedRow(row, mergeWish(row, { config: {}, devices: { x: { type: 'none' } } }), [], facts)).toThrow('No root device could be found');
  });
});
