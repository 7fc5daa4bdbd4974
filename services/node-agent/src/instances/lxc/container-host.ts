import type { Host } from '../../host/host.js';
import { parseCpuList } from './cpu-set.js';
import { hostRange, type HostRange } from './idmap.js';

/** What containers have to know of their host; read once. */
export interface ContainerHost {
  idRange: HostRange;
  cgroups: 'v1' | 'hybrid' | 'v2';
  swapAccounting: boolean;
  /** Bytes, counting the kernel's kB as a thousand, as the reference does. */
  memoryBytes: number;
  hugepages: boolean;
  ioWeightFile: string | undefined;
  cpus: number[];
  apparmor: boolean;
  /** Parts of the distribution's common configuration, the one of lxcfs only where lxcfs runs. */
  includes: string[];
}

const lxcfsPart = '00-lxcfs.conf';

/** @param templates the distribution's LXC configuration, /usr/share/lxc/config by default (LXD_LXC_TEMPLATE_CONFIG) */
export async function readContainerHost(host: Host, templates: string): Promise<ContainerHost> {
  const text = (path: string): Promise<string> => host.files.readText(path).catch(() => '');
  const { version, trees } = await host.cgroups.layout();
  const parts = await host.files.readdir(`${templates}/common.conf.d`).catch(() => []);
  const lxcfs = await host.files.exists('/var/lib/lxcfs/proc');
  return {
    idRange: hostRange(await text('/etc/subuid'), await text('/etc/subgid')),
    cgroups: version,
    swapAccounting: version === 'v2' || (await host.files.exists(`${trees['memory']}/memory.memsw.limit_in_bytes`)),
    memoryBytes: Number(/^MemTotal:\s+(\d+) kB/m.exec(await text('/proc/meminfo'))?.[1] ?? 0) * 1000,
    hugepages: version === 'v2' ? (await text(`${trees['unified']}/cgroup.controllers`)).includes('hugetlb') : trees['hugetlb'] !== undefined,
    ioWeightFile: await ioWeightFile(host),
    cpus: parseCpuList(await text('/sys/devices/system/cpu/online')),
    apparmor: (await text('/sys/module/apparmor/parameters/enabled')).startsWith('Y'),
    includes: parts.filter((part) => part.endsWith('.conf') && (lxcfs || part !== lxcfsPart)).map((part) => `${templates}/common.conf.d/${part}`),
  };
}

/** Files below the root of a tree may lack what its groups have, so the agent's own group is asked. */
async function ioWeightFile(host: Host): Promise<string | undefined> {
  const candidates = ['blkio.weight', 'blkio.bfq.weight', 'io.weight', 'io.bfq.weight'];
  const probe = '/asterism/probe';
  try {
    await host.cgroups.create(probe);
    for (const file of candidates) if ((await host.cgroups.read(probe, file)) !== undefined) return file;
    return undefined;
  } catch {
    return undefined;
  } finally {
    await host.cgroups.remove(probe).catch(() => undefined);
  }
}
