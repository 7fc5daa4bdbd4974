import { networkInterfaces, release, type } from 'node:os';
import { withoutIdmappedMounts } from '../host/owners/idmap-probe.js';
import type { Host } from '../host/host.js';
import { machineArchitecture } from './cpu.js';
import { Sysfs } from './sysfs.js';

/** Architectures whose programs run here besides the machine's own. */
const personalities: Readonly<Record<string, readonly string[]>> = { x86_64: ['i686'], aarch64: ['armv8l', 'armv7l'] };

/** What LXC has had since 5.0; the tools have no way to ask. */
const lxcFeatures = [
  'cgroup2',
  'core_scheduling',
  'devpts_fd',
  'idmapped_mounts_v2',
  'mount_injection_file',
  'network_gateway_device_route',
  'network_ipvlan',
  'network_l2proxy',
  'network_phys_macvlan_mtu',
  'network_veth_router',
  'pidfd',
  'seccomp_allow_deny_syntax',
  'seccomp_notify',
  'seccomp_proxy_send_notify_fd',
];

/** Kernel features by the release that brought them. */
const kernelFeatures: Readonly<Record<string, readonly [number, number]>> = {
  idmapped_mounts: [5, 12],
  netnsid_getifaddrs: [5, 0],
  seccomp_listener: [5, 0],
  seccomp_listener_continue: [5, 5],
  uevent_injection: [4, 18],
  unpriv_fscaps: [4, 14],
};

export interface StorageDriverVersion {
  Name: string;
  Version: string;
  Remote: boolean;
}

/** Facts that do not change while the agent runs. */
export async function hostFacts(host: Host): Promise<Record<string, unknown>> {
  const sysfs = new Sysfs(host.files);
  const osRelease = (await sysfs.text('/etc/os-release')) ?? '';
  const field = (name: string): string => new RegExp(`^${name}="?([^"\\n]*)"?$`, 'm').exec(osRelease)?.[1] ?? '';
  const lxcVersion = (await output(host, 'lxc-start', '--version')) ?? '';
  const architecture = machineArchitecture();
  return {
    architectures: [architecture, ...(personalities[architecture] ?? [])],
    driver: 'lxc',
    driver_version: lxcVersion,
    firewall: (await output(host, 'nft', '--version')) === undefined ? 'xtables' : 'nftables',
    kernel: type(),
    kernel_architecture: architecture,
    kernel_features: featuresOf(release(), (await sysfs.text('/proc/filesystems')) ?? ''),
    kernel_version: release(),
    lxc_features: Object.fromEntries(lxcFeatures.map((name) => [name, String(Number(lxcVersion.split('.')[0]) >= 5)])),
    os_name: field('NAME'),
    os_version: field('VERSION_ID'),
    storage_supported_drivers: await storageDrivers(host),
  };
}

/** Addresses by which others reach this host, as they are now. */
export function hostAddresses(interfaces: ReturnType<typeof networkInterfaces> = networkInterfaces()): string[] {
  return Object.values(interfaces)
    .flatMap((addresses) => addresses ?? [])
    .filter(({ address, internal }) => !internal && !/^(?:127\.|169\.254\.|fe80:|ff|::1$)/i.test(address))
    .map(({ address }) => address);
}

function featuresOf(kernel: string, filesystems: string): Record<string, string> {
  const [major = 0, minor = 0] = kernel.split(/[.-]/).map(Number);
  const since = Object.entries(kernelFeatures).map(([name, [wantedMajor, wantedMinor]]) => [name, String(major > wantedMajor || (major === wantedMajor && minor >= wantedMinor))]);
  const features: Record<string, string> = { ...Object.fromEntries(since), ...(withoutIdmappedMounts() ? { idmapped_mounts: 'false' } : {}), shiftfs: String(/\bshiftfs$/m.test(filesystems)) };
  return Object.fromEntries(Object.keys(features).sort().map((name) => [name, features[name]!]));
}

async function storageDrivers(host: Host): Promise<StorageDriverVersion[]> {
  const btrfs = /v?(\d[\d.]*)/.exec((await output(host, 'btrfs', '--version')) ?? '')?.[1];
  return [{ Name: 'dir', Version: '1', Remote: false }, ...(btrfs ? [{ Name: 'btrfs', Version: btrfs, Remote: false }] : [])];
}

/** What a command prints on one line; undefined where it is not installed. */
async function output(host: Host, command: string, ...args: string[]): Promise<string | undefined> {
  return host.exec([command, ...args]).then(({ stdout }) => stdout.trim(), () => undefined);
}
