import type { Cgroups } from '../../host/cgroups.js';
import type { Usage } from './instance-state.js';

/** What a control group has used, from the counters of whichever version the host has. */
export async function cgroupUsage(cgroups: Cgroups, group: string): Promise<Usage> {
  const { version } = await cgroups.layout();
  const number = async (file: string): Promise<number> => Number((await cgroups.read(group, file).catch(() => undefined))?.trim() ?? 0) || 0;
  if (version === 'v2') {
    const [stat, memoryBytes, memoryPeakBytes, swapBytes, swapPeakBytes, processes] = await Promise.all([
      cgroups.read(group, 'cpu.stat'),
      number('memory.current'),
      number('memory.peak'),
      number('memory.swap.current'),
      number('memory.swap.peak'),
      number('pids.current'),
    ]);
    const cpuNs = Number(/^usage_usec (\d+)$/m.exec(stat ?? '')?.[1] ?? 0) * 1000;
    return { cpuNs, memoryBytes, memoryPeakBytes, swapBytes, swapPeakBytes, processes };
  }
  const [cpuNs, memoryBytes, memoryPeakBytes, withSwap, withSwapPeak, processes] = await Promise.all([
    number('cpuacct.usage'),
    number('memory.usage_in_bytes'),
    number('memory.max_usage_in_bytes'),
    number('memory.memsw.usage_in_bytes'),
    number('memory.memsw.max_usage_in_bytes'),
    number('pids.current'),
  ]);
  return {
    cpuNs,
    memoryBytes,
    memoryPeakBytes,
    swapBytes: Math.max(0, withSwap - memoryBytes),
    swapPeakBytes: Math.max(0, withSwapPeak - memoryPeakBytes),
    processes,
  };
}
