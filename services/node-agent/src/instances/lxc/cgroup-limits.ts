import { instanceKeys, parseSize } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import { isOn } from './lxc-config.js';

export interface LimitFacts {
  /** "v2" writes the unified files; "v1" and "hybrid" the old ones. */
  version: 'v1' | 'hybrid' | 'v2';
  hostMemoryBytes: number;
  /** Whether the kernel accounts swap (memsw files, memory.swap.max). */
  swapAccounting: boolean;
  hugepages: boolean;
  /** The file that weighs an instance's disk traffic ("blkio.bfq.weight"); undefined where the kernel does not. */
  ioWeightFile: string | undefined;
  /** CPUs picked for a count in limits.cpu ("0,2-3"), or the pinned set itself; undefined for all. */
  cpus: string | undefined;
}

/** One control file and what is written to it. */
export type CgroupValue = readonly [file: string, value: string];

/** The control files that an instance's limits.* keys mean, without what is unlimited. */
export function cgroupLimits(config: Readonly<Record<string, string>>, facts: LimitFacts): CgroupValue[] {
  return [...memoryLimits(config, facts), ...hugepageLimits(config, facts), ...cpuLimits(config, facts), ...processLimit(config), ...diskPriority(config, facts)];
}

function memoryLimits(config: Readonly<Record<string, string>>, facts: LimitFacts): CgroupValue[] {
  const text = config[instanceKeys.limitsMemory.name];
  const swap = isOn(config, instanceKeys.limitsMemorySwap.name, true);
  const values: CgroupValue[] = [];
  const swapPriority = config[instanceKeys.limitsMemorySwapPriority.name];
  if (!swap) values.push(facts.version === 'v2' ? ['memory.swap.max', '0'] : ['memory.swappiness', '0']);
  else if (swapPriority && facts.version !== 'v2') values.push(['memory.swappiness', String(70 - Number(swapPriority))]);
  if (!text) return values;
  const limit = memoryBytes(text, facts.hostMemoryBytes);
  const soft = config[instanceKeys.limitsMemoryEnforce.name] === 'soft';
  if (facts.version === 'v2') return [...values, ...(soft ? [v('memory.high', limit)] : [v('memory.max', limit), v('memory.high', limit * 0.9)])];
  if (soft) return [...values, v('memory.soft_limit_in_bytes', limit)];
  values.push(v('memory.limit_in_bytes', limit));
  if (facts.swapAccounting && swap) values.push(v('memory.memsw.limit_in_bytes', limit));
  return [...values, v('memory.soft_limit_in_bytes', limit * 0.9)];
}

function v(file: string, bytes: number): CgroupValue {
  return [file, String(Math.floor(bytes))];
}

function hugepageLimits(config: Readonly<Record<string, string>>, facts: LimitFacts): CgroupValue[] {
  if (!facts.hugepages) return [];
  const { limitsHugepages64KB, limitsHugepages1MB, limitsHugepages2MB, limitsHugepages1GB } = instanceKeys;
  const suffix = facts.version === 'v2' ? 'max' : 'limit_in_bytes';
  return [limitsHugepages64KB, limitsHugepages1MB, limitsHugepages2MB, limitsHugepages1GB].flatMap(({ name }) => {
    const bytes = config[name] ? parseSize(config[name]) : undefined;
    return bytes === undefined ? [] : [v(`hugetlb.${name.slice(name.lastIndexOf('.') + 1)}.${suffix}`, bytes)];
  });
}

/** From 0 to 10, as a weight up to 1000. */
function diskPriority(config: Readonly<Record<string, string>>, { ioWeightFile }: LimitFacts): CgroupValue[] {
  const priority = config[instanceKeys.limitsDiskPriority.name];
  return priority && ioWeightFile !== undefined ? [[ioWeightFile, String(Math.max(10, Number(priority) * 100))]] : [];
}

/** "512MiB", or a share of the host's memory ("50%"). */
export function memoryBytes(text: string, hostMemoryBytes: number): number {
  const percent = /^(\d+)%$/.exec(text);
  const bytes = percent ? (hostMemoryBytes * Number(percent[1])) / 100 : parseSize(text);
  if (bytes === undefined) throw new LxdError('bad-request', `Invalid value for ${instanceKeys.limitsMemory.name}: ${text}`);
  return bytes;
}

/** Shares out of 1024, or of 100 in the unified tree, by percent and priority (10 costs nothing, 0 costs ten), or a quota per period ("25ms/100ms"). */
function cpuLimits(config: Readonly<Record<string, string>>, facts: LimitFacts): CgroupValue[] {
  const values: CgroupValue[] = facts.cpus === undefined ? [] : [['cpuset.cpus', facts.cpus]];
  const allowance = config[instanceKeys.limitsCpuAllowance.name] ?? '';
  const priority = config[instanceKeys.limitsCpuPriority.name] ?? '';
  const percent = /^(\d+)%$/.exec(allowance);
  const quota = /^(\d+)ms\/(\d+)ms$/.exec(allowance);
  const penalty = priority === '' ? 0 : 10 - Number(priority);
  if (percent || penalty > 0) {
    const shares = (whole: number): number => Math.floor((whole * Number(percent?.[1] ?? 100)) / 100) - penalty;
    values.push(facts.version === 'v2' ? ['cpu.weight', String(Math.min(10_000, Math.max(1, shares(100))))] : ['cpu.shares', String(Math.max(2, shares(1024)))]);
  }
  if (quota) {
    const [quotaUs, periodUs] = [Number(quota[1]) * 1000, Number(quota[2]) * 1000];
    if (facts.version === 'v2') values.push(['cpu.max', `${quotaUs} ${periodUs}`]);
    else values.push(['cpu.cfs_period_us', String(periodUs)], ['cpu.cfs_quota_us', String(quotaUs)]);
  }
  return values;
}

function processLimit(config: Readonly<Record<string, string>>): CgroupValue[] {
  const limit = config[instanceKeys.limitsProcesses.name];
  return limit ? [['pids.max', limit]] : [];
}

/** What is written for a limit that a running instance loses. */
export function withoutLimit(file: string): CgroupValue {
  return [file, unlimited[file] ?? (file.endsWith('.limit_in_bytes') ? '-1' : 'max')];
}

const unlimited: Readonly<Record<string, string>> = {
  'memory.limit_in_bytes': '-1',
  'memory.memsw.limit_in_bytes': '-1',
  'memory.soft_limit_in_bytes': '-1',
  'memory.swappiness': '60',
  'memory.max': 'max',
  'memory.high': 'max',
  'memory.swap.max': 'max',
  'cpu.shares': '1024',
  'cpu.weight': '100',
  'cpu.cfs_quota_us': '-1',
  'cpu.cfs_period_us': '100000',
  'blkio.weight': '500',
  'blkio.bfq.weight': '100',
  'io.weight': '100',
  'io.bfq.weight': '100',
  'cpu.max': 'max',
  'pids.max': 'max',
};
