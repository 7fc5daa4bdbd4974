import { projectKeys } from '@asterism/config-keys';

type Config = Readonly<Record<string, string>>;

/** What a project must never hold. */
export interface Breach {
  config?: Config;
  devices?: Readonly<Record<string, Config>>;
}

/** One key of a project's limits and restrictions, with something that breaks it. */
export interface Row {
  key: string;
  /** The project's config that forbids the breach. */
  rules: Config;
  breach: Breach;
  /** Words of the refusal. */
  says: RegExp;
  /** 'instances': a profile that nothing uses breaks nothing; 'creation': only one more instance does; 'profiles': no container may have it anyway. */
  concerns?: 'instances' | 'creation' | 'profiles';
}

const restricted = { restricted: 'true' };

function config(key: string, options: Config, says: RegExp, rules: Config = {}): Row {
  return { key, rules: { ...restricted, ...rules }, breach: { config: options }, says };
}

function device(key: string, options: Config, says: RegExp, rules: Config = {}): Row {
  return { key, rules: { ...restricted, ...rules }, breach: { devices: { breach: options } }, says };
}

/** What each instance of the tests has from its first profile: its share of the sums that a project may bound. The limits below leave room for two of them. */
export const claims = {
  config: { 'limits.cpu': '1', 'limits.memory': '64MiB', 'limits.processes': '100', 'security.idmap.isolated': 'true' },
  devices: { root: { type: 'disk', path: '/', pool: 'default', size: '64MiB' } },
};

const tooMuch = /Reached maximum aggregate value|is too low/;
const lowLevel = /^Use of low-level|is forbidden/;

/** The rows of the matrix: each key that concerns instances and profiles, with each thing it guards. */
export const rows: readonly Row[] = [
  config('restricted', { 'raw.lxc': 'lxc.tty.max = 3' }, lowLevel),
  ...Object.entries({
    'raw.lxc': 'lxc.tty.max = 3',
    'raw.idmap': 'both 0 0',
    'raw.apparmor': 'capability,',
    'raw.seccomp': '2',
    'linux.kernel_modules': 'loop',
    'boot.host_shutdown_timeout': '7',
    'security.devlxd.images': 'true',
    'security.idmap.base': '1500000',
    'security.idmap.size': '131072',
  }).map(([key, value]) => config('restricted.containers.lowlevel', { [key]: value }, lowLevel)),
  config('restricted.containers.nesting', { 'security.nesting': 'true' }, /Container nesting is forbidden/),
  config('restricted.containers.privilege', { 'security.privileged': 'true' }, /Privileged containers are forbidden/),
  config('restricted.containers.privilege', { 'security.idmap.isolated': 'false' }, /Non-isolated containers are forbidden/, { 'restricted.containers.privilege': 'isolated' }),
  config('restricted.containers.interception', { 'security.syscalls.intercept.mknod': 'true' }, /Container syscall interception is forbidden/),
  config('restricted.containers.interception', { 'security.syscalls.intercept.mount': 'true' }, /Container syscall interception is forbidden/, { 'restricted.containers.interception': 'allow' }),
  config('restricted.containers.interception', { 'security.syscalls.intercept.mount.allowed': 'ext4' }, /Container syscall interception is forbidden/),
  device('restricted.devices.disk', { type: 'disk', source: '/tmp', path: '/mnt' }, /Attaching disks not backed by a pool is forbidden/),
  device('restricted.devices.disk', { type: 'disk', source: '/tmp', path: '/mnt' }, /Disk devices are forbidden/, { 'restricted.devices.disk': 'block' }),
  device('restricted.devices.disk.paths', { type: 'disk', source: '/tmp', path: '/mnt' }, /Disk source path .* not allowed/, { 'restricted.devices.disk': 'allow', 'restricted.devices.disk.paths': '/srv' }),
  device('restricted.devices.gpu', { type: 'gpu' }, /GPU devices are forbidden/),
  device('restricted.devices.infiniband', { type: 'infiniband', nictype: 'physical', parent: 'ib0', name: 'ib0' }, /Infiniband devices are forbidden/),
  device('restricted.devices.nic', { type: 'nic', nictype: 'p2p', name: 'eth9' }, /Only managed network devices are allowed/),
  device('restricted.devices.nic', { type: 'nic', network: 'lxdbr0', name: 'eth9' }, /Network devices are forbidden/, { 'restricted.devices.nic': 'block' }),
  device('restricted.devices.proxy', { type: 'proxy', listen: 'tcp:127.0.0.1:7777', connect: 'tcp:127.0.0.1:7777' }, /Proxy devices are forbidden/),
  device('restricted.devices.unix-block', { type: 'unix-block', path: '/dev/loop0' }, /Unix block devices are forbidden/),
  device('restricted.devices.unix-char', { type: 'unix-char', path: '/dev/null' }, /Unix character devices are forbidden/),
  device('restricted.devices.unix-hotplug', { type: 'unix-hotplug', vendorid: '0001', productid: '0002' }, /Unix hotplug devices are forbidden/),
  device('restricted.devices.usb', { type: 'usb', vendorid: '0001' }, /USB devices are forbidden/),
  { ...device('restricted.devices.pci', { type: 'pci', address: '0000:00:01.0' }, /PCI devices are forbidden/), concerns: 'profiles' },
  { ...config('restricted.virtual-machines.lowlevel', { 'raw.qemu': '-nographic' }, lowLevel), concerns: 'profiles' },
  { key: 'limits.cpu', rules: { 'limits.cpu': '2' }, breach: { config: { 'limits.cpu': '3' } }, says: tooMuch, concerns: 'instances' },
  { key: 'limits.cpu', rules: { 'limits.cpu': '2' }, breach: { config: { 'limits.cpu': '0-1' } }, says: /pinning|parsing/, concerns: 'instances' },
  { key: 'limits.memory', rules: { 'limits.memory': '128MiB' }, breach: { config: { 'limits.memory': '1GiB' } }, says: tooMuch, concerns: 'instances' },
  { key: 'limits.memory', rules: { 'limits.memory': '128MiB' }, breach: { config: { 'limits.memory': '10%' } }, says: /percentage|parsing/, concerns: 'instances' },
  { key: 'limits.processes', rules: { 'limits.processes': '200' }, breach: { config: { 'limits.processes': '300' } }, says: tooMuch, concerns: 'instances' },
  { key: 'limits.disk', rules: { 'limits.disk': '128MiB' }, breach: { devices: { root: { type: 'disk', path: '/', pool: 'default', size: '1GiB' } } }, says: tooMuch, concerns: 'instances' },
  { key: 'limits.containers', rules: { 'limits.containers': '1' }, breach: {}, says: /Reached maximum number of instances/, concerns: 'creation' },
  { key: 'limits.instances', rules: { 'limits.instances': '1' }, breach: {}, says: /Reached maximum number of instances/, concerns: 'creation' },
];

/** One row of each key. */
export const firstRows: readonly Row[] = rows.filter((row, index) => rows.findIndex((other) => other.key === row.key) === index);

const ofOwnNetworks = 'networks of a project of its own are OVN networks, which are not served';

/** Keys that no instance and no profile can break by being written: the test that shows what they do, or why there is none. */
export const elsewhere: Readonly<Record<string, string>> = {
  'limits.virtual-machines': 'services/projects/src/gate/limits.test.ts',
  'limits.networks': ofOwnNetworks,
  'restricted.networks.subnets': ofOwnNetworks,
  'restricted.networks.uplinks': ofOwnNetworks,
  'restricted.backups': 'test/api/project-gate.test.ts',
  'restricted.snapshots': 'test/api/project-gate.test.ts',
  'restricted.cluster.target': 'services/instances/src/placement/placement.test.ts',
  'restricted.cluster.groups': 'test/differential/scripts/cluster.script',
};

/** The limits and restrictions that a project can have. */
export const guarding: readonly string[] = Object.values(projectKeys).map((key) => key.name).filter((key) => /^(restricted|limits)(\.|$)/.test(key));
