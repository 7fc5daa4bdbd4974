import { describe, expect, it } from 'vitest';
import type { DeviceFacts } from '../surroundings.js';
import { draftInstance, placeInstance, rootSize, type CreationWish } from './plan.js';

const facts: DeviceFacts = {
  pools: { default: { driver: 'btrfs', config: {}, members: ['none'] } },
  networks: { lxdbr0: { name: 'lxdbr0', type: 'bridge', managed: true, config: {} } },
};
const profile = {
  name: 'default',
  config: { 'limits.memory': '64MiB', 'user.a': 'profile' },
  devices: { root: { type: 'disk', path: '/', pool: 'default', size: '1GiB' }, eth0: { type: 'nic', network: 'lxdbr0' } },
};
const wish = (more: Partial<CreationWish> = {}): CreationWish => ({
  ...{ project: 'default', name: 'c1', member: 'none', type: 'container', architecture: 'x86_64', description: '', ephemeral: false, config: {}, devices: {}, profiles: [profile], trigger: 'create' },
  ...more,
});
const plan = (more: Partial<CreationWish> = {}) => placeInstance(draftInstance(wish(more)), facts);

describe('the plan of an instance', () => {
  it('puts its own config over its profiles, sorted', () => {
    const row = plan({ config: { 'user.a': 'own', 'user.b': '' } });
    expect(row.expanded_config).toMatchObject({ 'limits.memory': '64MiB', 'user.a': 'own' });
    expect(Object.keys(row.expanded_config)).toEqual(Object.keys(row.expanded_config).sort());
    expect(row.config).not.toHaveProperty('user.b');
    expect(row).toMatchObject({ pool: 'default', pool_driver: 'btrfs', busy: 'create' });
  });

  it('gives nics an address of their own unless they name one', () => {
    expect(plan().config['volatile.eth0.hwaddr']).toMatch(/^00:16:3e/);
    expect(plan({ devices: { eth0: { type: 'nic', network: 'lxdbr0', hwaddr: '00:16:3e:00:00:01' } } }).config).not.toHaveProperty(['volatile.eth0.hwaddr']);
  });

  it('replaces a whole device of a profile', () => {
    const row = plan({ devices: { root: { type: 'disk', path: '/', pool: 'default' } } });
    expect(rootSize(row.expanded_devices)).toBe('');
    expect(rootSize(plan().expanded_devices)).toBe('1GiB');
  });

  it.each<[string, Partial<CreationWish>, string]>([
    ['no root disk', { profiles: [] }, 'No root device could be found'],
    ['an unknown option', { devices: { x: { type: 'disk', path: '/x', source: '/tmp', nokey: 'b' } } }, 'Invalid device option "nokey"'],
    ['two disks on one path', { devices: { x: { type: 'disk', path: '/x', source: '/tmp' }, y: { type: 'disk', path: '/x/', source: '/tmp' } } }, 'More than one disk device uses the same path'],
    ['a second root', { devices: { other: { type: 'disk', path: '/', pool: 'default' } } }, 'More than one root device found'],
    ['a line break in the environment', { config: { 'environment.A': 'b\nlxc.x = 1' } }, 'Environment variables cannot contain line breaks'],
  ])('refuses %s', (_what, more, reason) => {
    expect(() => plan(more)).toThrow(reason);
  });
});
