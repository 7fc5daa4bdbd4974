import { describe, expect, it } from 'vitest';
import { invalidBridgeConfig } from './bridge-keys.js';

const refusal = (key: string, value: string) => invalidBridgeConfig('n9', { [key]: value });

describe('the configuration of a bridge', () => {
  it("is refused in the reference's words", () => {
    expect(refusal('nokey', '1')).toBe('Invalid option for network "n9" option "nokey"');
    expect(refusal('ipv4.address', 'bogus')).toBe('Invalid value for network "n9" option "ipv4.address": invalid CIDR address: bogus');
    expect(refusal('ipv4.address', 'fd42::1/64')).toBe('Invalid value for network "n9" option "ipv4.address": Not an IPv4 address "fd42::1/64"');
    expect(refusal('ipv4.address', '10.212.9.0/24')).toBe('Invalid value for network "n9" option "ipv4.address": Not a usable IPv4 address "10.212.9.0/24"');
    expect(refusal('ipv4.address', '10.212.9.1/32')).toBe('Invalid value for network "n9" option "ipv4.address": Not a usable IPv4 address "10.212.9.1/32"');
    expect(refusal('ipv4.dhcp.ranges', 'a-b')).toBe('Invalid value for network "n9" option "ipv4.dhcp.ranges": Item "a-b": Not an IPv4 address "a"');
    expect(refusal('bridge.mtu', '5')).toBe('Invalid value for network "n9" option "bridge.mtu": Out of MTU range (1280-16384) "5"');
    expect(refusal('dns.mode', 'x')).toBe('Invalid value for network "n9" option "dns.mode": Invalid value "x" (not one of [dynamic managed none])');
    expect(refusal('bridge.external_interfaces', 'z')).toBe(
      'Invalid value for network "n9" option "bridge.external_interfaces": Invalid interface name "z": Network interface is too short (minimum 2 characters)',
    );
  });

  it('keeps what cannot stand in generated configuration out', () => {
    expect(refusal('dns.domain', 'a\nb')).toContain('Invalid domain name');
    expect(refusal('raw.dnsmasq', 'a\0b')).toContain('control characters');
    expect(refusal('raw.dnsmasq', 'log-queries\nlog-dhcp')).toBeUndefined();
  });

  it('is taken where it is good', () => {
    const config = { 'ipv4.address': '10.0.0.1/24', 'ipv6.address': 'none', 'ipv4.dhcp.ranges': '10.0.0.2-10.0.0.9, 10.0.0.20-10.0.0.30', 'user.x': 'y' };
    expect(invalidBridgeConfig('n9', config)).toBeUndefined();
  });
});
