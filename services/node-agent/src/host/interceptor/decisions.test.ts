import { describe, expect, it } from 'vitest';
import { belongsInside } from './ids.js';
import { deviceNumber, mayMakeNode } from './mknod.js';
import { isCookie } from './policy.js';
import { maySetAttribute } from './set-attribute.js';

const char = 0o020666;
const device = (major: number, minor: number): bigint => BigInt((major << 8) | (minor & 0xff)) | (BigInt(minor & ~0xff) << 12n);

describe('a device node', () => {
  it.each([[0, 0], [5, 1], [1, 7], [1, 3], [1, 8], [5, 0], [1, 9], [1, 5]])('%i:%i is made', (major, minor) => {
    expect(mayMakeNode(char, device(major, minor))).toBe(true);
  });

  it.each<[number, bigint]>([
    [char, device(1, 1)], // mem
    [char, device(1, 2)], // kmem
    [char, device(1, 4)], // port
    [char, device(1, 11)], // kmsg
    [char, device(5, 2)], // ptmx
    [char, device(10, 200)],
    [char, device(254, 0)],
    [char, device(1, 0x103)], // its last byte alone is that of null
    [0o060666, device(1, 3)], // a block device
    [0o010666, device(1, 3)],
    [0o030666, device(1, 3)],
  ])('of mode %o and number %i is not', (mode, number) => {
    expect(mayMakeNode(mode, number)).toBe(false);
  });

  it('is told by the kernel in 32 bits', () => {
    expect(deviceNumber(0x12345678n)).toEqual({ major: 0x456, minor: 0x12378 });
    expect(deviceNumber(0xffffffff_00000103n)).toEqual({ major: 1, minor: 3 });
  });
});

describe('an attribute', () => {
  it('is set where it hides a directory of an overlay', () => {
    expect(maySetAttribute('trusted.overlay.opaque', Buffer.from('y'))).toBe(true);
    expect(maySetAttribute('trusted.overlay.opaque', Buffer.from('n'))).toBe(false);
    expect(maySetAttribute('trusted.overlay.opaquex', Buffer.from('y'))).toBe(false);
    expect(maySetAttribute('security.capability', Buffer.from('y'))).toBe(false);
    expect(maySetAttribute(undefined, Buffer.alloc(0))).toBe(false);
  });
});

describe('a file', () => {
  const idmap = [
    { isUid: true, isGid: false, nsId: 0, hostId: 100000, range: 65536 },
    { isUid: false, isGid: true, nsId: 0, hostId: 200000, range: 10 },
  ];
  it("is an instance's when both its owners are", () => {
    expect(belongsInside(idmap, { uid: 100000, gid: 200009 })).toBe(true);
    expect(belongsInside(idmap, { uid: 0, gid: 200000 })).toBe(false);
    expect(belongsInside(idmap, { uid: 100000, gid: 200010 })).toBe(false);
    expect(belongsInside([], { uid: 0, gid: 0 })).toBe(false);
  });
});

describe('a cookie', () => {
  it('names a file of its directory and no other', () => {
    expect(isCookie('bb9e9490-6f84-4142-b3cc-00640c8bc5ce')).toBe(true);
    for (const cookie of ['', '.', '../x', 'a/b', 'a\0', 'x'.repeat(65)]) expect(isCookie(cookie)).toBe(false);
  });
});
