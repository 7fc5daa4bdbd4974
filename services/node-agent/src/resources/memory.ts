import type { Sysfs } from './sysfs.js';

const memoryRoot = '/sys/devices/system/memory';
const nodeRoot = '/sys/devices/system/node';

/** "memory" of LXD's resources. The total is what is plugged in, not what the kernel left for use. */
export async function memoryResources(sysfs: Sysfs): Promise<object> {
  const blockBytes = parseInt((await sysfs.text(`${memoryRoot}/block_size_bytes`)) ?? '0', 16);
  const info = parseMeminfo((await sysfs.text('/proc/meminfo')) ?? '');
  const hugepageBytes = (info['Hugepagesize'] ?? 0) * 1024;
  const nodes: object[] = [];
  for (const name of await sysfs.names(nodeRoot, /^node\d+$/)) {
    const path = `${nodeRoot}/${name}`;
    const own = parseMeminfo((await sysfs.text(`${path}/meminfo`)) ?? '');
    nodes.push({
      numa_node: Number(name.slice(4)),
      hugepages_used: ((own['HugePages_Total'] ?? 0) - (own['HugePages_Free'] ?? 0)) * hugepageBytes,
      hugepages_total: (own['HugePages_Total'] ?? 0) * hugepageBytes,
      used: (own['MemUsed'] ?? 0) * 1024,
      total: (await pluggedBytes(sysfs, path, blockBytes)) || (own['MemTotal'] ?? 0) * 1024,
    });
  }
  const total = (await pluggedBytes(sysfs, memoryRoot, blockBytes)) || (info['MemTotal'] ?? 0) * 1024;
  const { MemFree = 0, Cached = 0, Buffers = 0 } = info;
  return {
    nodes,
    hugepages_total: (info['HugePages_Total'] ?? 0) * hugepageBytes,
    hugepages_used: ((info['HugePages_Total'] ?? 0) - (info['HugePages_Free'] ?? 0)) * hugepageBytes,
    hugepages_size: hugepageBytes,
    used: total - (MemFree + Cached + Buffers) * 1024,
    total,
  };
}

async function pluggedBytes(sysfs: Sysfs, directory: string, blockBytes: number): Promise<number> {
  const blocks = await sysfs.names(directory, /^memory\d+$/);
  const states = await Promise.all(blocks.map((block) => sysfs.number(`${directory}/${block}/online`)));
  return states.filter((online) => online === 1).length * blockBytes;
}

/** Kibibytes or counts by name, of /proc/meminfo and of a node's own. */
function parseMeminfo(text: string): Record<string, number> {
  return Object.fromEntries([...text.matchAll(/^(?:Node \d+ )?(\w+):\s+(\d+)/gm)].map((match) => [match[1]!, Number(match[2])]));
}
