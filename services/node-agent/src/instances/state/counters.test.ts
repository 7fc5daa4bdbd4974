import { describe, expect, it } from 'vitest';
import { cpuOfV1, cpuOfV2, disksOfV1, disksOfV2, memorySamples } from './counters.js';

const values = (samples: { metric: string; value: number }[]): Record<string, number> => Object.fromEntries(samples.map(({ metric, value }) => [metric, value]));

describe('counters of control groups', () => {
  it('give seconds of processors, each for itself where the kernel tells', () => {
    expect(cpuOfV1('cpu user system\n0 1500000000 0\n1 0 250000000\n')).toEqual([
      { metric: 'cpu_seconds_total', labels: { cpu: '0', mode: 'system' }, value: 0 },
      { metric: 'cpu_seconds_total', labels: { cpu: '0', mode: 'user' }, value: 1.5 },
      { metric: 'cpu_seconds_total', labels: { cpu: '1', mode: 'system' }, value: 0.25 },
      { metric: 'cpu_seconds_total', labels: { cpu: '1', mode: 'user' }, value: 0 },
    ]);
    expect(cpuOfV2('usage_usec 3000000\nuser_usec 1000000\nsystem_usec 2000000\n').map(({ value }) => value)).toEqual([2, 1]);
  });

  it('give reads and writes of disks', () => {
    const disk = { device: '254:0', readBytes: 4096, reads: 1, writtenBytes: 8192, writes: 2 };
    expect(disksOfV1('254:0 Read 4096\n254:0 Write 8192\n254:0 Sync 0\nTotal 12288\n', '254:0 Read 1\n254:0 Write 2\nTotal 3\n')).toEqual([disk]);
    expect(disksOfV2('254:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n')).toEqual([disk]);
  });

  it('give memory in the words of /proc/meminfo, whatever the version calls it', () => {
    const common = { usedBytes: 300, limitBytes: 1000, hostBytes: 5000 };
    const v1 = values(memorySamples({ ...common, version: 'v1', swapBytes: 0, stat: 'cache 1\ntotal_cache 100\ntotal_rss 50\ntotal_inactive_file 30\ntotal_active_file 20\ntotal_active_anon 5\ntotal_swap 7\n' }));
    const v2 = values(memorySamples({ ...common, version: 'v2', swapBytes: 7, stat: 'file 100\nanon 50\ninactive_file 30\nactive_file 20\nactive_anon 5\n' }));
    expect(v1).toEqual(v2);
    expect(v2).toMatchObject({ memory_Cached_bytes: 100, memory_RSS_bytes: 50, memory_Active_bytes: 25, memory_MemTotal_bytes: 1000, memory_MemFree_bytes: 700, memory_MemAvailable_bytes: 730, memory_Swap_bytes: 7 });
  });

  it('show the memory of the host where there is no limit', () => {
    expect(values(memorySamples({ version: 'v2', stat: '', usedBytes: 1, limitBytes: Infinity, swapBytes: 0, hostBytes: 5000 }))['memory_MemTotal_bytes']).toBe(5000);
  });
});
