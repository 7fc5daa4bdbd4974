import { describe, expect, it } from 'vitest';
import { cgroupLimits, type LimitFacts } from './cgroup-limits.js';
import { parseCpuList, pickCpus } from './cpu-set.js';

const v1: LimitFacts = { version: 'hybrid', hostMemoryBytes: 1000, swapAccounting: true, cpus: undefined };
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

describe('CPUs', () => {
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
