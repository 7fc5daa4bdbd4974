import { describe, expect, it } from 'vitest';
import type { InstanceFacts, ProjectFacts } from './facts.js';
import { forbiddenInstance, forbiddenProfile, forbiddenVolatile } from './restrictions.js';

const restricted = (config: Record<string, string> = {}): ProjectFacts => ({ name: 'p', config: { restricted: 'true', ...config } });
const container = (facts: Partial<InstanceFacts> = {}): InstanceFacts => ({ name: 'c1', type: 'container', config: {}, devices: {}, ...facts });

describe('a restricted project', () => {
  it.each([
    [{ 'security.nesting': 'true' }, 'Invalid value "true" for config "security.nesting" on container "c1" of project "p": Container nesting is forbidden'],
    [{ 'security.privileged': 'true' }, 'Invalid value "true" for config "security.privileged" on container "c1" of project "p": Privileged containers are forbidden'],
    [{ 'raw.lxc': '' }, 'Use of low-level config "raw.lxc" on container "c1" of project "p" is forbidden'],
    [{ 'raw.idmap': 'both 0 0' }, 'Use of low-level "raw.idmap" element 0 on container "c1" of project "p" is forbidden'],
    [{ 'linux.kernel_modules': 'x' }, 'Use of low-level config "linux.kernel_modules" on container "c1" of project "p" is forbidden'],
    [{ 'security.syscalls.intercept.mknod': 'true' }, 'Invalid value "true" for config "security.syscalls.intercept.mknod" on container "c1" of project "p": Container syscall interception is forbidden'],
    [{ 'security.syscalls.intercept.mount.allowed': 'ext4' }, 'Invalid value "ext4" for config "security.syscalls.intercept.mount.allowed" on container "c1" of project "p": Container syscall interception is forbidden'],
  ])('refuses %o', (config, reason) => {
    expect(forbiddenInstance(restricted(), container({ config: config as Record<string, string> }))).toBe(reason);
  });

  it.each([
    [{ type: 'disk', source: '/tmp', path: '/x' }, 'Attaching disks not backed by a pool is forbidden'],
    [{ type: 'unix-char', path: '/dev/null' }, 'Unix character devices are forbidden'],
    [{ type: 'unix-block', path: '/dev/sda' }, 'Unix block devices are forbidden'],
    [{ type: 'unix-hotplug' }, 'Unix hotplug devices are forbidden'],
    [{ type: 'nic', nictype: 'bridged', parent: 'br0' }, 'Only managed network devices are allowed'],
    [{ type: 'proxy', listen: 'tcp:127.0.0.1:1', connect: 'tcp:127.0.0.1:1' }, 'Proxy devices are forbidden'],
    [{ type: 'gpu' }, 'GPU devices are forbidden'],
    [{ type: 'usb' }, 'USB devices are forbidden'],
    [{ type: 'pci' }, 'PCI devices are forbidden'],
    [{ type: 'infiniband' }, 'Infiniband devices are forbidden'],
  ])('refuses the device %o', (device, reason) => {
    expect(forbiddenInstance(restricted(), container({ devices: { d: device as Record<string, string> } }))).toBe(`Invalid device "d" on container "c1" of project "p": ${reason}`);
  });

  it('lets ordinary instances pass', () => {
    const ordinary = container({
      config: { 'limits.memory': '1GiB', 'security.privileged': 'false', 'security.nesting': 'false' },
      devices: { root: { type: 'disk', path: '/', pool: 'default' }, eth0: { type: 'nic', network: 'lxdbr0' }, data: { type: 'disk', pool: 'default', source: 'v', path: '/data' } },
    });
    expect(forbiddenInstance(restricted(), ordinary)).toBeUndefined();
  });

  it('lets pass what its config allows', () => {
    const allowed: [Record<string, string>, Partial<InstanceFacts>][] = [
      [{ 'restricted.containers.nesting': 'allow' }, { config: { 'security.nesting': 'true' } }],
      [{ 'restricted.containers.privilege': 'allow' }, { config: { 'security.privileged': 'true' } }],
      [{ 'restricted.containers.lowlevel': 'allow' }, { config: { 'raw.lxc': 'x' } }],
      [{ 'restricted.devices.disk': 'allow' }, { devices: { d: { type: 'disk', source: '/tmp', path: '/x' } } }],
      [{ 'restricted.devices.unix-char': 'allow' }, { devices: { d: { type: 'unix-char' } } }],
      [{ 'restricted.devices.nic': 'allow' }, { devices: { d: { type: 'nic', nictype: 'bridged', parent: 'br0' } } }],
    ];
    for (const [config, facts] of allowed) expect(forbiddenInstance(restricted(config), container(facts))).toBeUndefined();
  });

  it('demands isolated id maps where it says so, whether or not the key is set', () => {
    const project = restricted({ 'restricted.containers.privilege': 'isolated' });
    expect(forbiddenInstance(project, container())).toMatch(/Non-isolated containers are forbidden$/);
    expect(forbiddenInstance(project, container({ config: { 'security.idmap.isolated': 'true' } }))).toBeUndefined();
  });

  it('keeps host disks below the paths it names', () => {
    const project = restricted({ 'restricted.devices.disk': 'allow', 'restricted.devices.disk.paths': '/srv,/home/a' });
    const disk = (source: string) => forbiddenInstance(project, container({ devices: { d: { type: 'disk', source, path: '/x' } } }));
    expect(disk('/srv/x')).toBeUndefined();
    for (const source of ['/srvx', '/etc', '/srv/../etc', '/home']) expect(disk(source)).toMatch(/Disk source path/);
  });

  it('holds for profiles as for both kinds of instance', () => {
    expect(forbiddenProfile(restricted(), { name: 'q', config: { 'raw.qemu': 'x' }, devices: {} })).toBe('Use of low-level config "raw.qemu" on profile "q" of project "p" is forbidden');
    expect(forbiddenProfile(restricted(), { name: 'q', config: { 'raw.lxc': 'x' }, devices: {} })).toMatch(/raw\.lxc/);
  });
});

describe('volatile keys in a restricted project', () => {
  const check = (config: Record<string, string>, current: Record<string, string> = {}) => forbiddenVolatile(restricted(), { name: 'c1', type: 'container' }, config, current);

  it('may not be set by users', () => {
    expect(check({ 'volatile.foo': 'x' })).toBe('Setting "volatile.foo" on container "c1" in project "p" is forbidden');
    expect(check({ 'volatile.idmap.next': '[]' })).toMatch(/forbidden$/);
  });

  it('may stay as they are, and a few may be set', () => {
    expect(check({ 'volatile.foo': 'x' }, { 'volatile.foo': 'x' })).toBeUndefined();
    expect(check({ 'volatile.eth0.hwaddr': '00:16:3e:00:00:01', 'volatile.base_image': 'abc' })).toBeUndefined();
  });
});
