// proves: limits_hugepages
import { describe, expect, it } from 'vitest';
import { cgroupLimits, type LimitFacts } from './cgroup-limits.js';
import { balanced, parseCpuList, pickCpus } from './cpu-set.js';

const v1: LimitFacts = { version: 'hybrid', hostMemoryBytes: 1000, swapAccounting: true, hugepages: true, ioWeightFile: 'blkio.bfq.weight', cpus: undefined };
const v2: LimitFacts = { ...v1, version: 'v2' };

describe('limits', () => {
  it('are nothing where nothing is limited', () => {
    expect(cgroupLimits({}, v1)).toEqual([]);
  });

  it('of memory are those of the reference', () => {
    expect(cgroupLimits({ 'limits.memory': '256MiB' }, v1)).toEqual([
      ['memory.limit_in_bytes', '268435456'],
      ['memory.memsw.limit_in_bytes', '268435456'],
      ['memory.soft_limit_in_bytes', '241591910'],
    ]);
    expect(cgroupLimits({ 'limits.memory': '50%', 'limits.memory.swap': 'false' }, { ...v2, cpus: undefined })).toEqual([
      ['memory.swap.max', '0'],
      ['memory.max', '500'],
      ['memory.high', '450'],
    ]);
    expect(cgroupLimits({ 'limits.memory': '1000B', 'limits.memory.enforce': 'soft' }, v1)).toEqual([['memory.soft_limit_in_bytes', '1000']]);
  });

  it('of CPU time are shares or a quota', () => {
    expect(cgroupLimits({ 'limits.cpu.allowance': '50%' }, v1)).toEqual([['cpu.shares', '512']]);
    expect(cgroupLimits({ 'limits.cpu.priority': '0' }, v1)).toEqual([['cpu.shares', '1014']]);
    expect(cgroupLimits({ 'limits.cpu.allowance': '25ms/100ms' }, v1)).toEqual([['cpu.cfs_period_us', '100000'], ['cpu.cfs_quota_us', '25000']]);
    expect(cgroupLimits({ 'limits.cpu.allowance': '25ms/100ms' }, v2)).toEqual([['cpu.max', '25000 100000']]);
  });

  it('of CPUs and processes are written as they are', () => {
    expect(cgroupLimits({ 'limits.processes': '200' }, { ...v1, cpus: '0,2' })).toEqual([['cpuset.cpus', '0,2'], ['pids.max', '200']]);
  });
});

describe('other limits', () => {
  it('of swap, huge pages and disk traffic are values of the kernel', () => {
    expect(cgroupLimits({ 'limits.memory.swap.priority': '3' }, v1)).toEqual([['memory.swappiness', '67']]);
    expect(cgroupLimits({ 'limits.hugepages.2MB': '4MiB' }, v1)).toEqual([['hugetlb.2MB.limit_in_bytes', '4194304']]);
    expect(cgroupLimits({ 'limits.hugepages.2MB': '4MiB' }, { ...v1, hugepages: false })).toEqual([]);
    expect(cgroupLimits({ 'limits.disk.priority': '0' }, v1)).toEqual([['blkio.bfq.weight', '10']]);
    expect(cgroupLimits({ 'limits.disk.priority': '3' }, v1)).toEqual([['blkio.bfq.weight', '300']]);
  });
});

describe('CPUs', () => {
  it('the host has not are left out', () => {
    expect(pickCpus('1,7-9', [0, 1], [])).toBe('1');
    expect(pickCpus('7-9', [0, 1], [])).toBeUndefined();
  });
  it('are shared evenly again, with as few moves as that takes', () => {
    const two = [{ id: 'a', limit: '1', cpus: '1' }, { id: 'b', limit: '1', cpus: '1' }];
    expect([...balanced(two, [0, 1], [])]).toEqual([['a', '0']]);
    expect([...balanced([{ id: 'a', limit: '1', cpus: '0' }, { id: 'b', limit: '1', cpus: '1' }], [0, 1], [])]).toEqual([]);
    expect([...balanced([{ id: 'a', limit: '1', cpus: '0' }], [0, 1], ['0'])]).toEqual([['a', '1']]);
  });
  it('are listed as the kernel lists them', () => {
    expect(parseCpuList('0-2,5\n')).toEqual([0, 1, 2, 5]);
    expect(parseCpuList('')).toEqual([]);
  });
  it('are pinned as given, or the least used ones', () => {
    expect(pickCpus('1-2', [0, 1, 2, 3], [])).toBe('1-2');
    expect(pickCpus('2', [0, 1, 2, 3], ['0-1', '2'])).toBe('0,3');
    expect(pickCpus('4', [0, 1, 2, 3], [])).toBeUndefined();
    expect(pickCpus(undefined, [0, 1], [])).toBeUndefined();
  });
});
