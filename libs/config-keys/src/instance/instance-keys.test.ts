import { describe, expect, it } from 'vitest';
import { invalidDevice } from '../device/device-types.js';
import { invalidServerConfig } from '../server/server-keys.js';
import { invalidInstanceConfig } from './instance-keys.js';

describe("an instance's config", () => {
  it("is refused in the reference's words", () => {
    expect(invalidInstanceConfig({ nokey: '1' }, 'container')).toBe('Unknown configuration key: nokey');
    expect(invalidInstanceConfig({ 'volatile.foo': 'x' }, 'container')).toBe('Unknown configuration key: volatile.foo');
    expect(invalidInstanceConfig({ 'limits.memory': 'bogus' }, 'container')).toBe('Invalid value: bogus');
    expect(invalidInstanceConfig({ 'limits.cpu': 'bogus' }, 'container')).toBe('Invalid CPU limit syntax');
    expect(invalidInstanceConfig({ 'boot.autostart': 'maybe' }, 'container')).toBe('Invalid value for a boolean "maybe"');
    expect(invalidInstanceConfig({ 'volatile.uuid': 'x' }, 'profile')).toBe('Volatile keys can only be set on instances');
  });
  it('keeps line breaks out of what ends in generated files', () => {
    expect(invalidInstanceConfig({ 'environment.A': 'b\nlxc.x = 1' }, 'container')).toBeDefined();
    expect(invalidInstanceConfig({ 'environment.A\nlxc.x': 'b' }, 'container')).toBeDefined();
    expect(invalidDevice({ type: 'disk', path: '/x\ny', source: '/tmp' })).toBeDefined();
  });
  it('knows contradictions', () => {
    expect(invalidInstanceConfig({ 'security.syscalls.deny': 'a', 'security.syscalls.blacklist': 'b' }, 'container')).toBe('Mutually exclusive keys security.syscalls.deny and security.syscalls.blacklist are set');
    expect(invalidInstanceConfig({ 'security.syscalls.deny_default': 'true', 'security.syscalls.blacklist_default': 'true' }, 'profile')).toBe('Mutually exclusive keys security.syscalls.deny_default and security.syscalls.blacklist_default are set');
    const mounting = { 'security.syscalls.intercept.mount': 'true' };
    expect(invalidInstanceConfig({ 'security.syscalls.intercept.mount.fuse': 'ext4' }, 'container')).toBeUndefined();
    expect(invalidInstanceConfig({ ...mounting, 'security.syscalls.intercept.mount.fuse': 'ext4' }, 'container')).toBe("security.syscalls.intercept.mount.fuse is not of the form 'filesystem=fuse-binary': ext4");
    expect(invalidInstanceConfig({ ...mounting, 'security.syscalls.intercept.mount.fuse': 'ext4=fuse2fs', 'security.syscalls.intercept.mount.allowed': 'xfs,ext4' }, 'container')).toBe(
      'Filesystem ext4 cannot appear in security.syscalls.intercept.mount.allowed and security.syscalls.intercept.mount.fuse',
    );
    expect(invalidInstanceConfig({ 'raw.seccomp': 'x', 'security.syscalls.deny': 'y' }, 'container')).toBe('raw.seccomp is mutually exclusive with security.syscalls*');
    expect(invalidInstanceConfig({ 'raw.lxc': '# a comment\n\nlxc.signal.halt = SIGTERM\nlxc.cgroup2.memory.max = 1\nlxc.hook.pre-start=/x\nlxc.net.0.hwaddr = 00:16:3e:00:00:01' }, 'container')).toBeUndefined();
    expect(invalidInstanceConfig({ 'raw.lxc': 'lxc.nope = 1' }, 'container')).toBe('Failed to load raw.lxc: unknown key "lxc.nope"');
    expect(invalidInstanceConfig({ 'raw.lxc': 'lxc.utsname = x' }, 'profile')).toBe('Failed to load raw.lxc: unknown key "lxc.utsname"');
    expect(invalidInstanceConfig({ 'raw.lxc': 'lxc.log.file=/x' }, 'container')).toBe('Setting lxc.logfile is not allowed');
  });
  it('knows which keys a type has', () => {
    expect(invalidInstanceConfig({ 'security.secureboot': 'true' }, 'container')).toBe('Unknown configuration key: security.secureboot');
    expect(invalidInstanceConfig({ 'security.secureboot': 'true' }, 'profile')).toBeUndefined();
    expect(invalidInstanceConfig({ 'snapshots.schedule': 'x' }, 'container')).toBe('Schedule must be of the form: <minute> <hour> <day-of-month> <month> <day-of-week>');
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
