import { basename } from 'node:path';
import type { agentInstances } from '@asterism/proto';
import type { GuestLink } from '../../host/guest-network.js';
import type { Host } from '../../host/host.js';
import type { MountEntry } from '../../host/mounts.js';
import type { InstanceRecord } from '../known-instances.js';
import { instanceCgroup } from '../instance-layout.js';
import { cpuOfV1, cpuOfV2, disksOfV1, disksOfV2, diskSamples, linkSamples, memorySamples, type DiskCounters } from './counters.js';

type Sample = agentInstances.Sample;

/** What the host tells once for all of its instances. */
interface Surroundings {
  mounts: readonly MountEntry[];
  memoryBytes: number;
}

/** What running instances use, from the counters of the kernel. */
export async function measure(host: Host, records: readonly InstanceRecord[]): Promise<agentInstances.InstanceSamples> {
  const surroundings: Surroundings = { mounts: await host.mounts.list(), memoryBytes: await hostMemory(host) };
  const by_id: Record<string, agentInstances.Samples> = {};
  for (const record of records) if (record.running) by_id[record.spec.id] = { samples: await samplesOf(host, record, surroundings) };
  return { by_id };
}

async function samplesOf(host: Host, record: InstanceRecord, { mounts, memoryBytes }: Surroundings): Promise<Sample[]> {
  const group = `/${instanceCgroup(record.spec.id)}/payload`;
  const { version } = await host.cgroups.layout();
  const links = linksOf(host, record.running!.pid);
  const [ofGroup, disk] = await Promise.all([version === 'v2' ? unified(host, group, memoryBytes) : separate(host, group, memoryBytes), rootSamples(host, record.spec.volume_path, mounts)]);
  const disks = await Promise.all(ofGroup.disks.map(async (counters) => diskSamples(await deviceName(host, counters.device), counters)));
  return [...ofGroup.cpu, ...disks.flat(), ...disk, ...ofGroup.memory, ...links.flatMap(linkSamples), { metric: 'procs_total', labels: {}, value: ofGroup.processes }];
}

interface GroupCounters {
  cpu: Sample[];
  disks: DiskCounters[];
  memory: Sample[];
  processes: number;
}

async function unified(host: Host, group: string, hostBytes: number): Promise<GroupCounters> {
  const files = ['cpu.stat', 'io.stat', 'memory.stat', 'memory.current', 'memory.max', 'memory.swap.current', 'pids.current'];
  const [cpu = '', io = '', stat = '', used, limit, swap, processes] = await readOnce(host, group, files);
  const memory = { version: 'v2' as const, stat, usedBytes: count(used), limitBytes: count(limit) || Infinity, swapBytes: count(swap), hostBytes };
  return { cpu: cpuOfV2(cpu), disks: disksOfV2(io), memory: memorySamples(memory), processes: count(processes) };
}

async function separate(host: Host, group: string, hostBytes: number): Promise<GroupCounters> {
  const files = ['cpuacct.usage_all', 'blkio.throttle.io_service_bytes_recursive', 'blkio.throttle.io_serviced_recursive', 'memory.stat', 'memory.usage_in_bytes', 'memory.limit_in_bytes', 'pids.current'];
  const [cpu = '', bytes = '', requests = '', stat = '', used, limit, processes] = await readOnce(host, group, files);
  const memory = { version: 'v1' as const, stat, usedBytes: count(used), limitBytes: count(limit) || Infinity, swapBytes: 0, hostBytes };
  return { cpu: cpuOfV1(cpu), disks: disksOfV1(bytes, requests), memory: memorySamples(memory), processes: count(processes) };
}

async function readOnce(host: Host, group: string, files: readonly string[]): Promise<(string | undefined)[]> {
  const open = await host.cgroups.open(group, files);
  try {
    return open.read();
  } finally {
    open.close();
  }
}

/** None of an instance that is ending. */
function linksOf(host: Host, pid: number): GuestLink[] {
  try {
    const network = host.guests.network(pid);
    try {
      return network.links();
    } finally {
      network.close();
    }
  } catch {
    return [];
  }
}

/** The file system of the instance's volume. */
async function rootSamples(host: Host, volumePath: string, mounts: readonly MountEntry[]): Promise<Sample[]> {
  const space = await host.files.space(volumePath).catch(() => undefined);
  if (!space) return [];
  const path = await host.files.realpath(volumePath);
  const under = mounts.filter(({ target }) => target === '/' || path === target || path.startsWith(`${target}/`));
  const fstype = under.sort((a, b) => b.target.length - a.target.length)[0]?.type ?? '';
  const sample = (metric: string, value: number): Sample => ({ metric: `filesystem_${metric}_bytes`, labels: { device: '', fstype, mountpoint: '/' }, value });
  return [sample('avail', space.freeBytes), sample('free', space.totalBytes - space.usedBytes), sample('size', space.totalBytes)];
}

const deviceNames = new Map<string, string>();

/** "vda" for "254:0". */
async function deviceName(host: Host, device: string): Promise<string> {
  const known = deviceNames.get(device) ?? (await host.files.realpath(`/sys/dev/block/${device}`).then(basename, () => device));
  deviceNames.set(device, known);
  return known;
}

async function hostMemory(host: Host): Promise<number> {
  return Number(/^MemTotal:\s+(\d+) kB$/m.exec(await host.files.readText('/proc/meminfo'))?.[1] ?? 0) * 1024;
}

function count(content: string | undefined): number {
  return Number(content ?? 0) || 0;
}
