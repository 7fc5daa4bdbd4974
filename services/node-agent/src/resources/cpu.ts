import { arch } from 'node:os';
import { parseCpuList, type Sysfs } from './sysfs.js';

interface Thread {
  id: number;
  numa_node: number;
  thread: number;
  online: boolean;
  isolated: boolean;
}
interface Core {
  core: number;
  die: number;
  threads: Thread[];
  /** MHz */
  frequency?: number;
}
interface Socket {
  name: string;
  vendor: string;
  socket: number;
  cache: object[];
  cores: Core[];
  frequency?: number;
  frequency_minimum?: number;
  frequency_turbo?: number;
}

const root = '/sys/devices/system/cpu';
const architectures: Readonly<Record<string, string>> = { x64: 'x86_64', ia32: 'i686', arm64: 'aarch64', arm: 'armv7l', ppc64: 'ppc64le', s390x: 's390x', riscv64: 'riscv64' };

/** The kernel's name of this machine's architecture. */
export function machineArchitecture(): string {
  return architectures[arch()] ?? arch();
}

/** "cpu" of LXD's resources, from /sys/devices/system/cpu and /proc/cpuinfo. */
export async function cpuResources(sysfs: Sysfs): Promise<object> {
  const info = await cpuInfo(sysfs);
  const isolated = new Set(parseCpuList((await sysfs.text(`${root}/isolated`)) ?? ''));
  const sockets = new Map<number, Socket>();
  let total = 0;
  for (const name of await sysfs.names(root, /^cpu\d+$/)) {
    const id = Number(name.slice(3));
    const path = `${root}/${name}`;
    const online = ((await sysfs.number(`${path}/online`)) ?? 1) === 1;
    const socketId = Math.max(0, (await sysfs.number(`${path}/topology/physical_package_id`)) ?? 0);
    let socket = sockets.get(socketId);
    if (!socket) sockets.set(socketId, (socket = { ...(info.get(id) ?? { name: '', vendor: '' }), socket: socketId, cache: await caches(sysfs, path), cores: [] }));
    const core = await coreOf(sysfs, path, socket);
    core.threads.push({ id, numa_node: await numaNodeOf(sysfs, path), thread: core.threads.length, online, isolated: isolated.has(id) });
    await readFrequencies(sysfs, path, socket, core);
    if (online) total++;
  }
  return { architecture: machineArchitecture(), sockets: [...sockets.values()], total };
}

async function coreOf(sysfs: Sysfs, path: string, socket: Socket): Promise<Core> {
  const number = (await sysfs.number(`${path}/topology/core_id`)) ?? 0;
  const die = Math.max(0, (await sysfs.number(`${path}/topology/die_id`)) ?? 0);
  let core = socket.cores.find((candidate) => candidate.core === number && candidate.die === die);
  if (!core) socket.cores.push((core = { core: number, die, threads: [] }));
  return core;
}

async function numaNodeOf(sysfs: Sysfs, path: string): Promise<number> {
  const [node] = await sysfs.names(path, /^node\d+$/);
  return node ? Number(node.slice(4)) : 0;
}

async function readFrequencies(sysfs: Sysfs, path: string, socket: Socket, core: Core): Promise<void> {
  const mhz = async (name: string): Promise<number> => Math.floor(((await sysfs.number(`${path}/cpufreq/${name}`)) ?? 0) / 1000);
  const [current, minimum, maximum] = await Promise.all([mhz('scaling_cur_freq'), mhz('cpuinfo_min_freq'), mhz('cpuinfo_max_freq')]);
  if (current > 0) core.frequency = current;
  if (current > 0) socket.frequency = Math.max(socket.frequency ?? 0, current);
  if (minimum > 0) socket.frequency_minimum = minimum;
  if (maximum > 0) socket.frequency_turbo = maximum;
}

async function caches(sysfs: Sysfs, path: string): Promise<object[]> {
  const found: object[] = [];
  for (const index of await sysfs.names(`${path}/cache`, /^index\d+$/)) {
    const cache = `${path}/cache/${index}`;
    const size = /^(\d+)([KM]?)/.exec((await sysfs.text(`${cache}/size`)) ?? '');
    if (!size) continue;
    const bytes = Number(size[1]) * (size[2] === 'M' ? 2 ** 20 : size[2] === 'K' ? 2 ** 10 : 1);
    found.push({ level: (await sysfs.number(`${cache}/level`)) ?? 0, type: (await sysfs.text(`${cache}/type`)) ?? '', size: bytes });
  }
  return found;
}

/** Name and vendor by processor. */
async function cpuInfo(sysfs: Sysfs): Promise<Map<number, { name: string; vendor: string }>> {
  const processors = new Map<number, { name: string; vendor: string }>();
  for (const block of ((await sysfs.text('/proc/cpuinfo')) ?? '').split('\n\n')) {
    const field = (name: string): string => new RegExp(`^${name}\\s*:\\s*(.*)$`, 'm').exec(block)?.[1] ?? '';
    const id = field('processor');
    if (id !== '') processors.set(Number(id), { name: field('model name') || field('cpu'), vendor: field('vendor_id') });
  }
  return processors;
}
