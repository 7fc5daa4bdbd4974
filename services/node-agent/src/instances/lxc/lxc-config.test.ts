// proves: nvidia_runtime, nvidia_runtime_config
import { describe, expect, it } from 'vitest';
import { lxcConfig, type ContainerPlan } from './lxc-config.js';
import { interceptionPolicy, intercepts } from './interception-policy.js';
import { seccompPolicy } from './seccomp-policy.js';

const plan: ContainerPlan = {
  hostname: 'c1',
  architecture: 'x86_64',
  config: {},
  idmap: [
    { isUid: true, isGid: false, nsId: 0, hostId: 100000, range: 65536 },
    { isUid: false, isGid: true, nsId: 0, hostId: 100000, range: 65536 },
  ],
  idmapped: true,
  rootfs: '/state/storage-pools/default/containers/c1/rootfs',
  logDirectory: '/state/logs/c1',
  seccompPolicy: '/state/security/seccomp/c1',
  interception: [],
  cgroup: 'asterism/7c1d',
  limits: [['lxc.cgroup2.pids.max', '200']],
  devices: [['lxc.mount.entry', '/srv/my\\040data srv none bind,create=dir 0 0']],
  nics: [[['type', 'phys'], ['link', 'veth1'], ['name', 'eth0']], [['type', 'phys'], ['link', 'veth2']]],
  includes: [],
  apparmor: false,
};

const lines = (change: Partial<ContainerPlan> = {}): string[] => lxcConfig({ ...plan, ...change }).split('\n');

describe('a policy without programs of another word size', () => {
  it('denies the entries for them, and what else is denied for all', () => {
    const policy = seccompPolicy({ 'security.syscalls.deny_compat': 'true', 'security.syscalls.deny': 'mkdir errno 1' }, 'x86_64');
    expect(policy).toContain('[x86_64]\ncompat_sys_rt_sigaction errno 38\n');
    expect(policy.endsWith('stub_x32_execveat errno 38\n[all]\nmkdir errno 1\n')).toBe(true);
  });
});

describe('the configuration of a container', () => {
  it('of an unprivileged one maps ids and shows the root with them', () => {
    expect(lines()).toEqual(
      expect.arrayContaining([
        'lxc.idmap = u 0 100000 65536',
        'lxc.idmap = g 0 100000 65536',
        'lxc.rootfs.path = dir:/state/storage-pools/default/containers/c1/rootfs',
        'lxc.rootfs.options = idmap=container',
        'lxc.mount.auto = proc:rw sys:rw cgroup:mixed',
        'lxc.cgroup.dir.container = asterism/7c1d/payload',
        'lxc.cgroup2.pids.max = 200',
      ]),
    );
    expect(lines().some((line) => line.startsWith('lxc.cap.drop') || line.includes('devices.deny'))).toBe(false);
  });

  it('of a privileged one drops capabilities and devices', () => {
    const privileged = lines({ idmap: [], idmapped: false });
    expect(privileged).toEqual(expect.arrayContaining(['lxc.cap.drop = sys_time sys_module sys_rawio mac_admin mac_override', 'lxc.cgroup2.devices.deny = a', 'lxc.mount.auto = proc:mixed sys:mixed cgroup:mixed']));
    expect(privileged.some((line) => line.startsWith('lxc.idmap') || line.startsWith('lxc.rootfs.options'))).toBe(false);
  });

  it('numbers its interfaces', () => {
    expect(lines().filter((line) => line.startsWith('lxc.net.'))).toEqual(['lxc.net.0.type = phys', 'lxc.net.0.link = veth1', 'lxc.net.0.name = eth0', 'lxc.net.1.type = phys', 'lxc.net.1.link = veth2']);
    expect(lines({ nics: [] })).toContain('lxc.net.0.type = empty');
  });

  it('carries environment and kernel limits', () => {
    const config = { 'environment.A': 'b c', 'limits.kernel.nofile': '1:2' };
    expect(lines({ config })).toEqual(expect.arrayContaining(['lxc.environment = A=b c', 'lxc.prlimit.nofile = 1:2']));
  });

  it('has the driver of NVIDIA brought in where that is asked', () => {
    expect(lines().some((line) => line.includes('NVIDIA') || line.includes('hook'))).toBe(false);
    const asked = lines({ config: { 'nvidia.runtime': 'true', 'nvidia.require.cuda': '>=11.0' } });
    expect(asked.filter((line) => /NVIDIA|hook/.test(line))).toEqual([
      'lxc.environment = NVIDIA_VISIBLE_DEVICES=none',
      'lxc.environment = NVIDIA_DRIVER_CAPABILITIES=compute,utility',
      'lxc.environment = NVIDIA_REQUIRE_CUDA=>=11.0',
      'lxc.hook.mount = /usr/share/lxc/hooks/nvidia',
    ]);
    expect(lines({ config: { 'nvidia.runtime': 'true', 'nvidia.driver.capabilities': 'all' } })).toContain('lxc.environment = NVIDIA_DRIVER_CAPABILITIES=all');
  });

  it.each<Partial<ContainerPlan>>([
    { config: { 'environment.A': 'x\nlxc.hook.pre-start = /bin/evil' } },
    { config: { 'environment.A\nlxc.hook.pre-start = /bin/evil': '' } },
    { config: { 'limits.kernel.a = b\rc': '1' } },
    { hostname: 'c1\nlxc.cap.keep = sys_admin' },
    { rootfs: '/a\nb' },
  ])('refuses what would break out of its line: %o', (change) => {
    expect(() => lxcConfig({ ...plan, ...change })).toThrow('must be a single line');
  });

  it('adds the rules of "raw.apparmor" to the profile where the kernel confines', () => {
    const config = { 'raw.apparmor': '# ours\n\n\tdeny /etc/secret r,\r\n' };
    expect(lines({ config, apparmor: true })).toEqual(expect.arrayContaining(['lxc.apparmor.profile = generated', 'lxc.apparmor.raw = # ours', 'lxc.apparmor.raw = deny /etc/secret r,']));
    expect(lines({ config }).join('\n')).not.toContain('apparmor');
  });

  it('ends with raw.lxc', () => {
    expect(lines({ config: { 'raw.lxc': 'lxc.signal.halt = SIGTERM\n\n' } }).slice(-2)).toEqual(['lxc.signal.halt = SIGTERM', '']);
  });
});

describe('the seccomp policy', () => {
  it('denies what the reference denies', () => {
    expect(seccompPolicy({}, 'x86_64')).toContain('denylist\n[all]\nreject_force_umount');
    expect(seccompPolicy({ 'security.syscalls.deny': 'mount errno 1' }, 'x86_64')).toMatch(/delete_module errno 38\nmount errno 1\n$/);
  });
  it('is an allow list, or without defaults, or raw, where that is asked', () => {
    expect(seccompPolicy({ 'security.syscalls.allow': 'read\nwrite' }, 'x86_64')).toBe('2\nallowlist\n[all]\nread\nwrite\n');
    expect(seccompPolicy({ 'security.syscalls.deny_default': 'false' }, 'x86_64')).toBe('2\ndenylist\n[all]\n');
    expect(seccompPolicy({ 'raw.seccomp': '2\ndenylist\n' }, 'x86_64')).toBe('2\ndenylist\n');
  });

  it('lets calls be handled where that is asked, whatever else it is', () => {
    const config = { 'security.syscalls.intercept.mknod': 'true' };
    expect(seccompPolicy(config, 'x86_64')).toMatch(/\nseccomp errno 22 .*\nseccomp errno 22 .*\nmknod notify .*\nmknod notify .*\nmknodat notify .*\nmknodat notify .*\n$/);
    expect(seccompPolicy({ ...config, 'security.syscalls.allow': 'read' }, 'x86_64')).toMatch(/\nread\nseccomp errno 22/);
    expect(seccompPolicy({ ...config, 'security.privileged': 'true' }, 'x86_64')).not.toContain('notify');
    expect(seccompPolicy({ 'security.syscalls.intercept.mount': 'true' }, 'x86_64')).toMatch(/mount notify .*\nfsopen errno 38\n/);
    expect(lines({ interception: [['lxc.seccomp.notify.proxy', 'unix:/s']] })).toContain('lxc.seccomp.notify.proxy = unix:/s');
  });
});

describe('what a container may have done for it', () => {
  const places = { devices: '/state/devices/c1', cgroups: ['/sys/fs/cgroup/asterism/7c1d/payload'], unifiedCgroup: '/sys/fs/cgroup/asterism/7c1d/payload' };
  it('is what its keys say', () => {
    const config = {
      'security.syscalls.intercept.mount': 'true',
      'security.syscalls.intercept.mount.allowed': 'ext4, hugetlbfs',
      'security.syscalls.intercept.mount.fuse': 'xfs=xfs-fuse',
      'security.syscalls.intercept.bpf': 'true',
    };
    expect(interceptionPolicy(config, [], places)).toEqual({
      idmap: [],
      mknod: false,
      setxattr: false,
      mount: { filesystems: ['ext4', 'hugetlbfs'], fuse: { xfs: 'xfs-fuse' }, shift: false, devices: places.devices, cgroups: places.cgroups },
      bpfDevices: undefined,
    });
    expect(interceptionPolicy({ ...config, 'security.syscalls.intercept.bpf.devices': 'true' }, [], places).bpfDevices).toBe(places.unifiedCgroup);
    expect(intercepts(config)).toBe(true);
    expect(intercepts({ 'security.syscalls.intercept.bpf.devices': 'true' })).toBe(false);
  });
});
