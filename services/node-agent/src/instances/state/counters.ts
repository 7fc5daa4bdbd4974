import type { agentInstances } from '@asterism/proto';
import type { GuestLink } from '../../host/guest-network.js';

type Sample = agentInstances.Sample;

const nanoseconds = 1e9;
const microseconds = 1e6;

/** Seconds by processor and mode from v1's cpuacct.usage_all: "cpu user system", nanoseconds. */
export function cpuOfV1(usageAll: string): Sample[] {
  return lines(usageAll)
    .slice(1)
    .flatMap(([cpu = '', user, system]) => [cpuSample(cpu, 'system', Number(system) / nanoseconds), cpuSample(cpu, 'user', Number(user) / nanoseconds)]);
}

/** The unified hierarchy counts all processors together; they are shown as the first. */
export function cpuOfV2(stat: string): Sample[] {
  const counted = pairs(stat);
  return [cpuSample('0', 'system', (counted['system_usec'] ?? 0) / microseconds), cpuSample('0', 'user', (counted['user_usec'] ?? 0) / microseconds)];
}

/** From v1's blkio.throttle.*: "254:0 Read 4096". */
export function disksOfV1(bytes: string, requests: string): DiskCounters[] {
  const disks = new Map<string, DiskCounters>();
  const disk = (device: string): DiskCounters => disks.get(device) ?? disks.set(device, { device, readBytes: 0, reads: 0, writtenBytes: 0, writes: 0 }).get(device)!;
  for (const [device = '', verb, count] of lines(bytes)) {
    if (verb === 'Read') disk(device).readBytes = Number(count);
    if (verb === 'Write') disk(device).writtenBytes = Number(count);
  }
  for (const [device = '', verb, count] of lines(requests)) {
    if (verb === 'Read') disk(device).reads = Number(count);
    if (verb === 'Write') disk(device).writes = Number(count);
  }
  return [...disks.values()];
}

/** From v2's io.stat: "254:0 rbytes=1 wbytes=2 rios=3 wios=4 ...". */
export function disksOfV2(stat: string): DiskCounters[] {
  return lines(stat).map(([device = '', ...fields]) => {
    const counted = Object.fromEntries(fields.map((field) => field.split('='))) as Record<string, string>;
    const count = (name: string): number => Number(counted[name] ?? 0);
    return { device, readBytes: count('rbytes'), reads: count('rios'), writtenBytes: count('wbytes'), writes: count('wios') };
  });
}

export interface DiskCounters {
  /** "254:0" */
  device: string;
  readBytes: number;
  reads: number;
  writtenBytes: number;
  writes: number;
}

export function diskSamples(device: string, disk: DiskCounters): Sample[] {
  const labels = { device };
  return [
    { metric: 'disk_read_bytes_total', labels, value: disk.readBytes },
    { metric: 'disk_reads_completed_total', labels, value: disk.reads },
    { metric: 'disk_written_bytes_total', labels, value: disk.writtenBytes },
    { metric: 'disk_writes_completed_total', labels, value: disk.writes },
  ];
}

/** What memory.stat calls the same in both versions, and what it does not. */
export interface MemoryFiles {
  version: 'v1' | 'v2';
  stat: string;
  usedBytes: number;
  /** Of the group; Infinity for none. */
  limitBytes: number;
  /** v2 counts it in a file of its own. */
  swapBytes: number;
  hostBytes: number;
}

export function memorySamples({ version, stat, usedBytes, limitBytes, swapBytes, hostBytes }: MemoryFiles): Sample[] {
  const counted = pairs(stat);
  const v2 = version === 'v2';
  const of = (name: string, inV2 = name): number => (v2 ? counted[inV2] : (counted[`total_${name}`] ?? counted[name])) ?? 0;
  const total = Math.min(limitBytes, hostBytes);
  const free = Math.max(0, total - usedBytes);
  const active = { anon: of('active_anon'), file: of('active_file') };
  const inactive = { anon: of('inactive_anon'), file: of('inactive_file') };
  const values = {
    Active_anon: active.anon,
    Active_file: active.file,
    Active: active.anon + active.file,
    Cached: of('cache', 'file'),
    Dirty: of('dirty', 'file_dirty'),
    Inactive_anon: inactive.anon,
    Inactive_file: inactive.file,
    Inactive: inactive.anon + inactive.file,
    Mapped: of('mapped_file', 'file_mapped'),
    MemAvailable: Math.min(total, free + inactive.file),
    MemFree: free,
    MemTotal: total,
    RSS: of('rss', 'anon'),
    Shmem: of('shmem'),
    Swap: v2 ? swapBytes : of('swap'),
    Unevictable: of('unevictable'),
    Writeback: of('writeback', 'file_writeback'),
  };
  return Object.entries(values).map(([name, value]) => ({ metric: `memory_${name}_bytes`, labels: {}, value }));
}

export function linkSamples({ name, received, sent }: GuestLink): Sample[] {
  const labels = { device: name };
  const sample = (metric: string, value: number): Sample => ({ metric: `network_${metric}_total`, labels, value });
  return [
    sample('receive_bytes', received.bytes),
    sample('receive_drop', received.dropped),
    sample('receive_errs', received.errors),
    sample('receive_packets', received.packets),
    sample('transmit_bytes', sent.bytes),
    sample('transmit_drop', sent.dropped),
    sample('transmit_errs', sent.errors),
    sample('transmit_packets', sent.packets),
  ];
}

function cpuSample(cpu: string, mode: string, value: number): Sample {
  return { metric: 'cpu_seconds_total', labels: { cpu, mode }, value };
}

function lines(text: string): string[][] {
  return text.split('\n').filter((line) => line !== '').map((line) => line.split(' '));
}

function pairs(text: string): Record<string, number> {
  return Object.fromEntries(lines(text).map(([name = '', value]) => [name, Number(value)]));
}
