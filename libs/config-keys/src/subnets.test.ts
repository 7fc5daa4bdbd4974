import { describe, expect, it } from 'vitest';
import { contains, eui64Address, formatIp, formatSubnet, lastAddress, overlap, parseIp, subnetOf } from './subnets.js';

const subnet = (text: string) => subnetOf(text)!;

describe('addresses as numbers', () => {
  it('come back as they were written, IPv6 in short form', () => {
    for (const text of ['10.0.0.1', '255.255.255.255', 'fd42:1:2:3::1', '::1', '::', 'fe80::216:3eff:fe22:ca46', '1:2:3:4:5:6:7:8', '1:0:0:2::3']) {
      expect(formatIp(parseIp(text))).toBe(text);
    }
    expect(formatIp(parseIp('::ffff:10.0.0.1'))).toBe('::ffff:a00:1');
  });
});

describe('subnets', () => {
  it('begin and end where their prefix says', () => {
    expect(formatSubnet(subnet('10.212.1.77/24'))).toBe('10.212.1.0/24');
    expect(formatSubnet(subnet('fd42:1:2:3::1/64'))).toBe('fd42:1:2:3::/64');
    expect(formatIp(lastAddress(subnet('10.0.4.1/22')))).toBe('10.0.7.255');
    expect(subnetOf('10.0.0.1')).toBeUndefined();
  });

  it('know what they hold', () => {
    expect(contains(subnet('10.0.0.0/8'), parseIp('10.9.9.9'))).toBe(true);
    expect(overlap(subnet('10.1.2.0/24'), subnet('10.0.0.0/8'))).toBe(true);
    expect(overlap(subnet('10.1.2.0/24'), subnet('10.1.3.0/24'))).toBe(false);
  });

  it('give a MAC its EUI-64 address', () => {
    expect(eui64Address(subnet('fd42:1:2:3::1/64'), '00:16:3e:22:ca:46')).toBe('fd42:1:2:3:216:3eff:fe22:ca46');
  });
});
