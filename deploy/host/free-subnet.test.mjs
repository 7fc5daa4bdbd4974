import { expect, it } from 'vitest';
import { freeSubnet, parseRange } from './free-subnet.mjs';

it('reads routes and addresses as ranges', () => {
  expect(parseRange('10.1.2.3/24')).toEqual({ first: 0x0a010200, last: 0x0a0102ff });
  expect(parseRange('192.0.2.7')).toEqual({ first: 0xc0000207, last: 0xc0000207 });
  expect(parseRange('fd00::/64')).toBeUndefined();
});

it('finds a subnet that nothing of the host touches', () => {
  const first = freeSubnet([]);
  expect(first).toMatch(/^10\.\d+\.\d+\.1\/24$/);
  expect(freeSubnet([parseRange(first)])).not.toBe(first);
  expect(freeSubnet([parseRange('10.0.0.0/9')])).toMatch(/^10\.(1[2-9]\d|2\d\d)\./);
  expect(() => freeSubnet([parseRange('10.0.0.0/8')])).toThrow(/every subnet/);
});
