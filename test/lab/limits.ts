import { expect, it } from 'vitest';
import type { Lab } from './lab.js';
import type { Cgroups } from './machine.js';

/** What the files of an instance's control groups are called and say, in the unified tree and in the older ones. */
interface Limit {
  config: Record<string, string>;
  v2: Record<string, unknown>;
  older: Record<string, unknown>;
}

const limits: Record<string, Limit> = {
  'memory and processes': {
    config: { 'limits.memory': '64MiB', 'limits.processes': '150' },
    v2: { 'memory.max': '67108864', 'memory.high': '60395520', 'pids.max': '150' },
    older: { 'memory.limit_in_bytes': '67108864', 'memory.soft_limit_in_bytes': '60395520', 'memory.memsw.limit_in_bytes': '67108864', 'pids.max': '150' },
  },
  'memory, softly': {
    config: { 'limits.memory': '128MiB', 'limits.memory.enforce': 'soft', 'limits.processes': '' },
    v2: { 'memory.max': 'max', 'memory.high': '134217728', 'pids.max': 'max' },
    older: { 'memory.limit_in_bytes': '9223372036854771712', 'memory.soft_limit_in_bytes': '134217728', 'pids.max': 'max' },
  },
  'no swapping': {
    config: { 'limits.memory': '', 'limits.memory.enforce': '', 'limits.memory.swap': 'false' },
    v2: { 'memory.max': 'max', 'memory.high': 'max', 'memory.swap.max': '0' },
    older: { 'memory.swappiness': '0', 'memory.soft_limit_in_bytes': '9223372036854771712' },
  },
  'a share of the CPU': {
    config: { 'limits.memory.swap': '', 'limits.cpu.allowance': '20ms/100ms' },
    v2: { 'cpu.max': '20000 100000', 'memory.swap.max': 'max' },
    older: { 'cpu.cfs_quota_us': '20000', 'cpu.cfs_period_us': '100000', 'memory.swappiness': '60' },
  },
  'a CPU of its own': {
    config: { 'limits.cpu': '0', 'limits.cpu.allowance': '50%', 'limits.cpu.priority': '3' },
    v2: { 'cpuset.cpus': '0', 'cpu.max': 'max 100000', 'cpu.weight': '43' },
    older: { 'cpuset.cpus': '0', 'cpu.cfs_quota_us': '-1', 'cpu.shares': '505' },
  },
  'huge pages': {
    config: { 'limits.cpu': '', 'limits.cpu.allowance': '', 'limits.cpu.priority': '', 'limits.hugepages.2MB': '8MiB' },
    v2: { 'hugetlb.2MB.max': '8388608', 'cpu.weight': '100' },
    older: { 'hugetlb.2MB.limit_in_bytes': '8388608', 'cpu.shares': '1024' },
  },
  'the priority of its packets, where the kernel knows one': {
    config: { 'limits.network.priority': '4' },
    v2: { 'memory.max': 'max' },
    older: { 'net_prio.ifpriomap': expect.stringContaining('eth0 4') },
  },
  'none of them again': {
    config: { 'limits.hugepages.2MB': '', 'limits.network.priority': '' },
    v2: { 'hugetlb.2MB.max': 'max' },
    older: { 'net_prio.ifpriomap': expect.stringContaining('eth0 0'), 'hugetlb.2MB.limit_in_bytes': '9223372036852678656' },
  },
};

/** Each is set on the running instance and read back from its control groups. */
export function limitsReadBack(laboratory: () => Lab, cgroups: Cgroups): void {
  it.each(Object.entries(limits))('%s', async (_, { config, v2, older }) => {
    const lab = laboratory();
    await lab.sh(`lxc config set guest ${Object.entries(config).map(([key, value]) => `${key}=${value}`).join(' ')}`);
    const files = cgroups === 'v2' ? v2 : older;
    expect(await readLimits(lab, Object.keys(files))).toEqual(files);
  });

  it('bytes and operations a second of the root disk', async () => {
    const lab = laboratory();
    await lab.sh('lxc config device set guest root limits.read=20MB limits.write=100iops');
    const number = await lab.sh('cat /sys/class/block/vda/dev');
    const files: Record<string, string> =
      cgroups === 'v2'
        ? { 'io.max': `${number} rbps=20000000 wbps=max riops=max wiops=100` }
        : { 'blkio.throttle.read_bps_device': `${number} 20000000`, 'blkio.throttle.write_iops_device': `${number} 100` };
    expect(await readLimits(lab, Object.keys(files))).toEqual(files);
    await lab.sh('lxc config device set guest root limits.read= limits.write=');
    expect(await readLimits(lab, Object.keys(files))).toEqual(Object.fromEntries(Object.keys(files).map((file) => [file, ''])));
  });
}

/** Of the groups that the instance's first process is in, in the tree that has the file. */
async function readLimits(lab: Lab, files: string[]): Promise<Record<string, string>> {
  const text = await lab.sh(`pid=$(lxc info guest | sed -n 's/^PID: //p')
    for file in ${files.join(' ')}; do
      for group in $(sed 's/^[0-9]*:[^:]*://' /proc/$pid/cgroup | sort -u); do
        for tree in /sys/fs/cgroup /sys/fs/cgroup/*; do if [ -e "$tree$group/$file" ]; then echo "$file=$(paste -sd, "$tree$group/$file")"; fi; done
      done | head -n 1
    done`);
  return Object.fromEntries(text.split('\n').map((line): [string, string] => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}
