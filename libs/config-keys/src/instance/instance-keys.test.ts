import { describe, expect, it } from 'vitest';
import { invalidDevice } from '../device/device-types.js';
import { invalidServerConfig } from '../server/server-keys.js';
import { invalidInstanceConfig } from './instance-keys.js';

describe("an instance's config", () => {
  it("is refused in the reference's words", () => {
    expect(invalidInstanceConfig({ nokey: '1' }, 'instance')).toBe('Unknown configuration key: nokey');
    expect(invalidInstanceConfig({ 'volatile.foo': 'x' }, 'instance')).toBe('Unknown configuration key: volatile.foo');
    expect(invalidInstanceConfig({ 'limits.memory': 'bogus' }, 'instance')).toBe('Invalid value: bogus');
    expect(invalidInstanceConfig({ 'limits.cpu': 'bogus' }, 'instance')).toBe('Invalid CPU limit syntax');
    expect(invalidInstanceConfig({ 'boot.autostart': 'maybe' }, 'instance')).toBe('Invalid value for a boolean "maybe"');
    expect(invalidInstanceConfig({ 'volatile.uuid': 'x' }, 'profile')).toBe('Volatile keys can only be set on instances');
  });
  it('keeps line breaks out of what ends in generated files', () => {
    expect(invalidInstanceConfig({ 'environment.A': 'b\nlxc.x = 1' }, 'instance')).toBeDefined();
    expect(invalidInstanceConfig({ 'environment.A\nlxc.x': 'b' }, 'instance')).toBeDefined();
    expect(invalidDevice({ type: 'disk', path: '/x\ny', source: '/tmp' })).toBeDefined();
  });
  it('knows contradictions', () => {
    expect(invalidInstanceConfig({ 'raw.seccomp': 'x', 'security.syscalls.deny': 'y' }, 'instance')).toBe('raw.seccomp is mutually exclusive with security.syscalls*');
    expect(invalidInstanceConfig({ 'raw.lxc': 'lxc.log.file=/x' }, 'instance')).toBe('Setting lxc.log.file is not allowed');
  });
});

describe('devices', () => {
  it('take the options of their kind only', () => {
    expect(invalidDevice({ type: 'disk', path: '/', pool: 'default', size: '1GiB' })).toBeUndefined();
    expect(invalidDevice({ type: 'disk', path: '/x', source: '/tmp', nokey: 'b' })).toBe('Invalid device option "nokey"');
    expect(invalidDevice({ type: 'nic', network: 'n', name: 'eth0', 'ipv4.address': 'x' }, 'bridge')).toBe('Invalid value for device option "ipv4.address": Not an IPv4 address "x"');
    expect(invalidDevice({ type: 'nic' })).toBe('Unsupported device type');
  });
});

describe("the server's config", () => {
  it("is refused in the reference's words", () => {
    expect(invalidServerConfig({ nokey: 'x' })).toBe("cannot set 'nokey' to 'x': unknown key");
    expect(invalidServerConfig({ 'images.remote_cache_expiry': 'x' })).toBe("cannot set 'images.remote_cache_expiry' to 'x': invalid integer");
  });
});
