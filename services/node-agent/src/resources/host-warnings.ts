import type { Sysfs } from './sysfs.js';

export interface HostWarning {
  /** LXD's text of the warning's type. */
  type: string;
  message: string;
  /** Whether the host is like that. */
  holds: boolean;
}

interface CgroupLayout {
  /** Controllers of the unified hierarchy. */
  unified: ReadonlySet<string>;
  /** Where the controllers with a hierarchy of their own are mounted. */
  separate: ReadonlyMap<string, string>;
}

/** What a container cannot have because the host does not. */
export async function hostWarnings(sysfs: Sysfs): Promise<HostWarning[]> {
  const layout = await cgroupLayout(sysfs);
  const has = (separate: string, unified = separate): boolean => layout.separate.has(separate) || layout.unified.has(unified);
  const isUnified = layout.unified.size > 0;
  const file = async (controller: string, name: string): Promise<boolean> => sysfs.exists(`${layout.separate.get(controller) ?? '/nowhere'}/${name}`);
  const weight = layout.separate.has('blkio') ? (await file('blkio', 'blkio.weight')) || (await file('blkio', 'blkio.bfq.weight')) : layout.unified.has('io');
  const swap = layout.separate.has('memory') ? await file('memory', 'memory.memsw.limit_in_bytes') : layout.unified.has('memory');
  const missing = (type: string, message: string, present: boolean): HostWarning => ({ type: `Couldn't find the CGroup ${type}`, message, holds: !present });
  return [
    { type: 'AppArmor support has been disabled', message: 'Disabled because of lack of kernel support', holds: (await sysfs.text('/sys/module/apparmor/parameters/enabled')) !== 'Y' },
    missing('blkio', 'disk I/O limits will be ignored', has('blkio', 'io')),
    missing('blkio.weight', 'disk priority will be ignored', weight),
    missing('CPU controller', 'CPU time limits will be ignored', has('cpu')),
    missing('CPUset controller', 'CPU pinning will be ignored', has('cpuset')),
    missing('CPUacct controller', 'CPU accounting will not be available', has('cpuacct', 'cpu')),
    missing('devices controller', "device access control won't work", layout.separate.has('devices') || isUnified),
    missing('freezer controller', "pausing/resuming containers won't work", layout.separate.has('freezer') || isUnified),
    missing('hugetlb controller', 'hugepage limits will be ignored', has('hugetlb')),
    missing('memory controller', 'memory limits will be ignored', has('memory')),
    missing('network priority controller', 'network priority will be ignored', layout.separate.has('net_prio')),
    missing('pids controller', 'process limits will be ignored', has('pids')),
    missing('memory swap accounting', 'swap limits will be ignored', swap),
    { type: 'Instance type not operational', message: 'virtual machines are not served yet', holds: true },
  ];
}

async function cgroupLayout(sysfs: Sysfs): Promise<CgroupLayout> {
  const separate = new Map<string, string>();
  let unified = new Set<string>();
  for (const line of ((await sysfs.text('/proc/mounts')) ?? '').split('\n')) {
    const [, target = '', type, options = ''] = line.split(' ');
    if (type === 'cgroup') for (const controller of options.split(',')) separate.set(controller, target);
    if (type === 'cgroup2' && unified.size === 0) unified = new Set(((await sysfs.text(`${target}/cgroup.controllers`)) ?? '').split(' '));
  }
  return { unified, separate };
}
