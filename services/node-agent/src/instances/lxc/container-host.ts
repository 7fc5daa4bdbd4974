import type { Host } from '../../host/host.js';
import { parseCpuList } from './cpu-set.js';
import { hostRange, type HostRange } from './idmap.js';

/** What containers have to know of their host; read once. */
export interface ContainerHost {
  idRange: HostRange;
  cgroups: 'v1' | 'hybrid' | 'v2';
  swapAccounting: boolean;
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
    cpus: parseCpuList(await text('/sys/devices/system/cpu/online')),
    apparmor: (await text('/sys/module/apparmor/parameters/enabled')).startsWith('Y'),
    includes: parts.filter((part) => part.endsWith('.conf') && (lxcfs || part !== lxcfsPart)).map((part) => `${templates}/common.conf.d/${part}`),
  };
}
