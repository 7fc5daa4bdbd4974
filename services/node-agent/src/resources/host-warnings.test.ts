import { expect, it } from 'vitest';
import { linuxHost } from '../host/linux-host.js';
import { hostWarnings } from './host-warnings.js';
import { Sysfs } from './sysfs.js';

const host = linuxHost();

/** A host with these files; directories are not read. */
function withFiles(files: Record<string, string>): Sysfs {
  return new Sysfs({ ...host.files, exists: async (path) => path in files, readText: async (path) => files[path] ?? Promise.reject(new Error(path)) });
}
const raised = async (sysfs: Sysfs) => (await hostWarnings(sysfs)).filter((warning) => warning.holds).map((warning) => warning.type);

it('reads what is missing from hierarchies of both kinds', async () => {
  const mounts = ['cpu,cpuacct', 'memory', 'blkio', 'devices', 'freezer', 'pids', 'cpuset'].map((options) => `cgroup /sys/fs/cgroup/${options} cgroup rw,${options} 0 0`);
  const files = {
    '/proc/mounts': [...mounts, 'cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0'].join('\n'),
    '/sys/fs/cgroup/unified/cgroup.controllers': 'hugetlb\n',
    '/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes': '0',
    '/sys/module/apparmor/parameters/enabled': 'Y\n',
  };
  expect(await raised(withFiles(files))).toEqual(["Couldn't find the CGroup blkio.weight", "Couldn't find the CGroup network priority controller", 'Instance type not operational']);
});

it('asks a unified hierarchy for its controllers', async () => {
  const files = { '/proc/mounts': 'cgroup2 /sys/fs/cgroup cgroup2 rw 0 0', '/sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io memory pids' };
  expect(await raised(withFiles(files))).toEqual(['AppArmor support has been disabled', "Couldn't find the CGroup hugetlb controller", "Couldn't find the CGroup network priority controller", 'Instance type not operational']);
});
