import { describe, expect, it } from 'vitest';
import { invalidPoolConfig } from './pool-keys.js';
import { invalidVolumeConfig, withPoolDefaults } from './volume-keys.js';

describe('a pool config', () => {
  it('is refused in the words of the reference', () => {
    expect(invalidPoolConfig('dir', { nokey: '1' })).toBe('Invalid option "nokey"');
    expect(invalidPoolConfig('dir', { size: '1GiB' })).toBe('Invalid option "size"');
    expect(invalidPoolConfig('btrfs', { size: 'bogus' })).toBe('Invalid value for option "size": Invalid value: bogus');
    expect(invalidPoolConfig('dir', { 'volume.snapshots.expiry': 'foo' })).toBe('Invalid value for option "volume.snapshots.expiry": Invalid expiry expression');
    expect(invalidPoolConfig('dir', { 'volume.foo': 'foo' })).toBe('Invalid option "volume.foo"');
  });
  it('takes defaults of volumes and free keys', () => {
    expect(invalidPoolConfig('dir', { 'user.x': 'y', 'volume.snapshots.schedule': '@daily', 'volume.size': '' })).toBeUndefined();
  });
});

describe('a volume config', () => {
  it('is refused in the words of the reference', () => {
    expect(invalidVolumeConfig('default_v2', { size: 'bogus' })).toBe('Invalid value for volume "default_v2" option "size": Invalid value: bogus');
    expect(invalidVolumeConfig('default_v2', { nokey: '1' })).toBe('Invalid option for volume "default_v2" option "nokey"');
  });
  it('takes what it has not from the pool', () => {
    expect(withPoolDefaults({ size: '1MiB' }, { 'volume.size': '2MiB', 'volume.snapshots.schedule': '@daily', source: '/x' })).toEqual({ size: '1MiB', 'snapshots.schedule': '@daily' });
  });
});
