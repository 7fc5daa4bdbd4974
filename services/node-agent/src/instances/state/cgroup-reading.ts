import type { CgroupLayout, Cgroups } from '../../host/cgroups.js';
import type { Usage } from './instance-state.js';

/** What a control group has used, and whether it is frozen or on its way there. */
export interface CgroupReading {
  usage: Usage;
  isFrozen: boolean;
}

/** The open counters of a group, of whichever version the host has. */
export interface CgroupCounters {
  read(): CgroupReading;
  close(): void;
}

export async function openCounters(cgroups: Cgroups, group: string): Promise<CgroupCounters> {
  const layout = await cgroups.layout();
  const { files, reading } = layout.version === 'v2' ? v2 : v1;
  const open = await cgroups.open(group, files(layout));
  return { read: () => reading(open.read()), close: () => open.close() };
}

interface Version {
  files(layout: CgroupLayout): string[];
  /** Of the contents of `files`, in their order. */
  reading(contents: (string | undefined)[]): CgroupReading;
}

const v2: Version = {
  files: () => ['cpu.stat', 'memory.current', 'memory.peak', 'memory.swap.current', 'memory.swap.peak', 'pids.current', 'cgroup.freeze'],
  reading([stat, memory, memoryPeak, swap, swapPeak, processes, frozen]) {
    const cpuNs = Number(/^usage_usec (\d+)$/m.exec(stat ?? '')?.[1] ?? 0) * 1000;
    const usage = { cpuNs, memoryBytes: count(memory), memoryPeakBytes: count(memoryPeak), swapBytes: count(swap), swapPeakBytes: count(swapPeak), processes: count(processes) };
    return { usage, isFrozen: isFrozen(frozen) };
  },
};

const v1: Version = {
  files: ({ trees }) => [
    'cpuacct.usage',
    'memory.usage_in_bytes',
    'memory.max_usage_in_bytes',
    'memory.memsw.usage_in_bytes',
    'memory.memsw.max_usage_in_bytes',
    'pids.current',
    trees['freezer'] ? 'freezer.state' : 'cgroup.freeze',
  ],
  reading([cpu, memory, memoryPeak, withSwap, withSwapPeak, processes, frozen]) {
    const [memoryBytes, memoryPeakBytes] = [count(memory), count(memoryPeak)];
    const usage = {
      cpuNs: count(cpu),
      memoryBytes,
      memoryPeakBytes,
      swapBytes: Math.max(0, count(withSwap) - memoryBytes),
      swapPeakBytes: Math.max(0, count(withSwapPeak) - memoryPeakBytes),
      processes: count(processes),
    };
    return { usage, isFrozen: isFrozen(frozen) };
  },
};

function count(content: string | undefined): number {
  return Number(content ?? 0) || 0;
}

function isFrozen(state: string | undefined): boolean {
  return state !== undefined && !['THAWED', '0'].includes(state.trim());
}
