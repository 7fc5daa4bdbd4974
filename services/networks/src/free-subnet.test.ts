import { describe, expect, it } from 'vitest';
import { withAddresses, withDefaults } from './free-subnet.js';

const all = { hasIpv6: true };

describe('the addresses of a new bridge', () => {
  it('are drawn, behind NAT, where nothing is said', () => {
    const config = withAddresses(withDefaults({}, all), { cidrs: [] });
    expect(config['ipv4.address']).toMatch(/^10\.\d+\.\d+\.1\/24$/);
    expect(config['ipv6.address']).toMatch(/^fd42:[0-9a-f]{1,4}:[0-9a-f]{1,4}:[0-9a-f]{1,4}::1\/64$/);
    expect(config).toMatchObject({ 'ipv4.nat': 'true', 'ipv6.nat': 'true' });
  });

  it('are left as they are said', () => {
    const config = { 'ipv4.address': '10.0.0.1/24', 'ipv6.address': 'none' };
    expect(withAddresses(withDefaults(config, all), { cidrs: [] })).toEqual(config);
    expect(withDefaults({ ...config, 'ipv4.address': 'auto', 'ipv4.nat': 'false' }, all)['ipv4.nat']).toBe('false');
  });

  it('are of the families that the hosts have', () => {
    expect(withDefaults({}, { hasIpv6: false })).toEqual({ 'ipv4.address': 'auto', 'ipv4.nat': 'true' });
  });

  it('are none that the hosts know', () => {
    const used = Array.from({ length: 255 }, (_, index) => `10.${index}.0.0/16`);
    expect(withAddresses({ 'ipv4.address': 'auto' }, { cidrs: [...used, '0.0.0.0/0'].filter((cidr) => cidr !== '10.7.0.0/16') })['ipv4.address']).toMatch(/^10\.(7|255)\./);
    expect(() => withAddresses({ 'ipv4.address': 'auto' }, { cidrs: ['10.0.0.0/8'] })).toThrow('Failed to automatically find an unused IPv4 subnet');
  });
});
