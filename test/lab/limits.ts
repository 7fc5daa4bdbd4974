import { expect, it } from 'vitest';
import type { Lab } from './lab.js';
import type { Cgroups } from './machine.js';

/** What a control group's file is called and says, in the unified tree and in the older ones. */
type Limits = Record<string, { config: Record<string, string>; v2: Record<string, string>; hybrid: Record<string, string> }>;

const limits: Limits = {
  'memory and processes': {
    config: { 'limits.memory': '64MiB', 'limits.processes': '150' },
    v2: { 'memory.max': '67108864', 'pids.max': '150' },
    hybrid: { 'memory.limit_in_bytes': '67108864', 'pids.max': '150' },
  },
  'memory, softly': {
    config: { 'limits.memory': '128MiB', 'limits.memory.enforce': 'soft', 'limits.processes': '' },
    v2: { 'memory.max': 'max', 'memory.high': '134217728', 'pids.max': 'max' },
    hybrid: { 'memory.soft_limit_in_bytes': '134217728', 'pids.max': 'max' },
  },
  'a share of the CPU': {
    config: { 'limits.memory': '', 'limits.memory.enforce': '', 'limits.cpu.allowance': '20ms/100ms' },
    v2: { 'cpu.max': '20000 100000', 'memory.max': 'max' },
    hybrid: { 'cpu.cfs_quota_us': '20000', 'cpu.cfs_period_us': '100000' },
  },
  'a CPU of its own': {
    config: { 'limits.cpu': '0', 'limits.cpu.allowance': '50%' },
    v2: { 'cpuset.cpus': '0', 'cpu.max': 'max 100000', 'cpu.weight': '50' },
    hybrid: { 'cpuset.cpus': '0', 'cpu.cfs_quota_us': '-1', 'cpu.shares': '512' },
  },
};

/** Each is set on the running instance and read back from its control groups. */
export function limitsReadBack(laboratory: () => Lab, cgroups: Cgroups): void {
  it.each(Object.entries(limits))('%s', async (_, { config, [cgroups]: files }) => {
    const settings = Object.entries(config).map(([key, value]) => (value === '' ? `lxc config unset guest ${key}` : `lxc config set guest ${key}=${value}`));
    const lab = laboratory();
    await lab.sh(settings.join('\n'));
    for (const [file, value] of Object.entries(files)) expect.soft([file, await readLimit(lab, file)]).toEqual([file, value]);
  });

  it('bytes a second of the root disk', async () => {
    const lab = laboratory();
    await lab.sh('lxc config device set guest root limits.read=20MB limits.write=100iops');
    const number = await lab.sh('cat /sys/class/block/vda/dev');
    if (cgroups === 'v2') expect(await readLimit(lab, 'io.max')).toBe(`${number} rbps=20000000 wbps=max riops=max wiops=100`);
    else {
      expect(await readLimit(lab, 'blkio.throttle.read_bps_device')).toBe(`${number} 20000000`);
      expect(await readLimit(lab, 'blkio.throttle.write_iops_device')).toBe(`${number} 100`);
    }
    await lab.sh('lxc config device unset guest root limits.read; lxc config device unset guest root limits.write');
  });
}

/** Of the group that the instance's first process is in, in the tree that has the file. */
async function readLimit(lab: Lab, file: string): Promise<string> {
  return lab.sh(`pid=$(lxc info guest | sed -n 's/^PID: //p')
    for group in $(sed 's/^[0-9]*:[^:]*://' /proc/$pid/cgroup | sort -u); do
      for tree in /sys/fs/cgroup /sys/fs/cgroup/*; do [ -e "$tree$group/${file}" ] && cat "$tree$group/${file}" && exit; done
    done; exit 1`);
}
