import { describe, expect, it } from 'vitest';
import { findKey, keyFor, validateConfig, type KeyTable } from './key.js';
import { parseSize } from './size.js';
import { bool, size } from './validators.js';

const table = {
  autostart: { name: 'boot.autostart', type: 'bool', description: 'Starts with the host', validate: bool },
  memory: { name: 'limits.memory', type: 'size', description: 'Memory', validate: size },
  hwaddr: { name: 'volatile.*.hwaddr', type: 'string', description: 'MAC' },
  user: { name: 'user.*', type: 'string', description: 'Free' },
} satisfies KeyTable;
const words = { unknown: (key: string) => `Unknown configuration key: ${key}`, invalid: (_key: string, reason: string) => reason };

describe('validateConfig', () => {
  it('takes exact names and patterns, and empty values of optional keys', () => {
    expect(validateConfig(table, { 'boot.autostart': '', 'user.x.y': 'z', 'volatile.eth0.hwaddr': 'x' }, words)).toBeUndefined();
  });
  it("refuses in the reference's words", () => {
    expect(validateConfig(table, { nokey: '1' }, words)).toBe('Unknown configuration key: nokey');
    expect(validateConfig(table, { 'boot.autostart': 'maybe' }, words)).toBe('Invalid value for a boolean "maybe"');
    expect(validateConfig(table, { 'limits.memory': 'bogus' }, words)).toBe('Invalid value: bogus');
    expect(validateConfig(table, { 'user.': '1' }, words)).toBeUndefined();
    expect(validateConfig(table, { 'volatile..hwaddr': '1' }, words)).toBe('Unknown configuration key: volatile..hwaddr');
  });
  it('names the keys of a pattern', () => {
    expect(keyFor(table.hwaddr, 'eth0')).toBe('volatile.eth0.hwaddr');
    expect(findKey(table, 'volatile.eth0.hwaddr')).toBe(table.hwaddr);
  });
});

describe('parseSize', () => {
  it('knows decimal and binary units', () => {
    expect([parseSize('1kB'), parseSize('1KiB'), parseSize('10GiB'), parseSize('7'), parseSize('7B')]).toEqual([1000, 1024, 10 * 2 ** 30, 7, 7]);
    expect([parseSize('x'), parseSize('1.5GB'), parseSize('-1')]).toEqual([undefined, undefined, undefined]);
  });
});
