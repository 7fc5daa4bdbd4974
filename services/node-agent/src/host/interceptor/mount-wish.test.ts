import { describe, expect, it } from 'vitest';
import { decideMount, deviceTypes, hugepageOptions, type MountWish } from './mount-wish.js';

const policy = { filesystems: ['ext4', 'tmpfs', 'proc', 'fuse', '9p', 'hugetlbfs'], fuse: { xfs: 'xfs-fuse' }, shift: false, devices: '/d', cgroups: [] };
const onDevices = deviceTypes('nodev\tsysfs\nnodev\ttmpfs\n\text4\n\txfs\n');
const decide = (change: Partial<MountWish>): ReturnType<typeof decideMount> => decideMount({ source: '/dev/a', target: '/mnt', type: 'ext4', flags: 0, data: '', ...change }, policy, onDevices);

describe('a mount', () => {
  it('of an allowed type is done, never with nodes of devices', () => {
    expect(decide({})).toEqual({ by: 'device', options: [], attributes: 4 });
    expect(decide({ flags: 1 | 2 | 8 | 16 | 0x400, data: 'errors=continue,,noload' })).toEqual({ by: 'device', options: ['ro', 'sync', 'errors=continue', 'noload'], attributes: 1 | 2 | 4 | 8 | 0x10 });
    expect(decide({ type: 'tmpfs', data: 'size=1M' })).toEqual({ by: 'place', options: ['size=1M'], attributes: 4 });
    expect(decide({ flags: 0xc0ed0000 | 1 })).toMatchObject({ attributes: 5 });
  });

  it('of a type that a program mounts is given to it', () => {
    expect(decide({ type: 'xfs', flags: 3, data: 'a=b' })).toEqual({ by: 'program', program: 'xfs-fuse', options: 'a=b,ro,nosuid' });
    expect(decide({ type: 'toString' })).toBe('continue');
  });

  it.each(['btrfs', 'proc', 'fuse', '9p', ''])('of type "%s" is left to the kernel', (type) => {
    expect(decide({ type })).toBe('continue');
  });

  it.each([0x20, 0x1000, 0x2000, 0x4000, 1 << 17, 1 << 18, 1 << 19, 1 << 20, 0x1020, 1 << 30])('with flags %i, which is no new mount or not known, is left to the kernel', (flags) => {
    expect(decide({ flags })).toBe('continue');
  });

  it.each(['journal_path=/dev/vda', 'journal_dev=0xfe00', 'logdev=x', 'rtdev=x', 'device=/dev/vda', 'source=/dev/vda', 'usrjquota=../../x', 'a=b,source=c'])('with option %s, which reaches for more, is left to the kernel', (data) => {
    expect(decide({ data })).toBe('continue');
  });

  it('from a place names its source once', () => {
    expect(decide({ type: 'tmpfs', data: 'source=/x' })).toBe('continue');
  });
});

describe('huge pages', () => {
  const idmap = [
    { isUid: true, isGid: false, nsId: 0, hostId: 100000, range: 65536 },
    { isUid: false, isGid: true, nsId: 0, hostId: 200000, range: 65536 },
  ];
  const caller = { uid: 100000, gid: 200000 };

  it('belong to ids of the guest', () => {
    expect(hugepageOptions(['pagesize=2M'], idmap, caller)).toEqual(['pagesize=2M', 'uid=100000', 'gid=200000']);
    expect(hugepageOptions(['uid=5', 'gid=7'], idmap, caller)).toEqual(['uid=100005', 'gid=200007']);
  });

  it('belong to nobody else', () => {
    expect(hugepageOptions(['uid=65536'], idmap, caller)).toBeUndefined();
    expect(hugepageOptions(['uid=-1'], idmap, caller)).toBeUndefined();
    expect(hugepageOptions(['gid=0x0'], idmap, caller)).toBeUndefined();
  });
});
