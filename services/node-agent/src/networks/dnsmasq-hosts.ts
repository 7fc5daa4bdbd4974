import { LxdError } from '@asterism/errors';
import type { Host } from '../host/host.js';
import { releaseLeases } from './dhcp-release.js';
import { Dnsmasq } from './dnsmasq.js';

/** What DHCP and DNS of a network know of one nic. */
export interface StaticHost {
  project: string;
  instance: string;
  device: string;
  hwaddr: string;
  ipv4?: string;
  ipv6?: string;
}

/** Writes a nic's line and makes dnsmasq read it; the same line again changes nothing. */
export async function writeHost(host: Host, dnsmasq: Dnsmasq, entry: StaticHost, dnsMode: string): Promise<void> {
  const path = `${dnsmasq.files.hosts}/${fileName(entry)}`;
  const line = hostLine(entry, dnsMode);
  const present = await host.files.readText(path).catch(() => '');
  if (present === line) return;
  await host.files.mkdir(dnsmasq.files.hosts, { mode: 0o755 });
  if (line === '') await host.files.remove(path);
  else await host.files.writePlain(path, line, { mode: 0o644 }); // written again at every start
  await dnsmasq.reload();
}

export async function removeHost(host: Host, dnsmasq: Dnsmasq, entry: Pick<StaticHost, 'project' | 'instance' | 'device'>): Promise<void> {
  const path = `${dnsmasq.files.hosts}/${fileName(entry)}`;
  if (!(await host.files.exists(path))) return;
  await host.files.remove(path);
  await dnsmasq.reload();
}

/** Empty where there is nothing to say of a nic. */
export function hostLine(entry: StaticHost, dnsMode: string): string {
  const named = dnsMode === '' || dnsMode === 'managed';
  const words = [entry.hwaddr, ...(entry.ipv4 ? [entry.ipv4] : []), ...(entry.ipv6 ? [`[${entry.ipv6}]`] : []), ...(named ? [entry.instance] : [])];
  if (words.length === 1) return '';
  const strange = words.find((word) => !/^[\w.:[\]-]+$/.test(word));
  if (strange !== undefined) throw new LxdError('bad-request', `Invalid DHCP host ${JSON.stringify(strange)}`);
  return `${words.join(',')}\n`;
}

/** As LXD names them: the default project without its name. */
function fileName({ project, instance, device }: Pick<StaticHost, 'project' | 'instance' | 'device'>): string {
  const owner = project === 'default' ? instance : `${project}_${instance}`;
  return `${owner}.${device}`.replaceAll('/', '-');
}

/** Takes a deleted or renamed instance out of DHCP and DNS of every network of this state directory: its lines and its leases. */
export async function forgetInstance(host: Host, stateDir: string, { project, instance }: { project: string; instance: string }): Promise<void> {
  const prefix = fileName({ project, instance, device: '' });
  const networks = await host.files.readdir(`${stateDir}/networks`).catch(() => []);
  for (const network of networks) {
    const dnsmasq = new Dnsmasq(host, stateDir, network);
    const names = (await host.files.readdir(dnsmasq.files.hosts).catch(() => [])).filter((name) => name.startsWith(prefix) && !name.endsWith('.tmp'));
    if (names.length === 0) continue;
    const { config } = JSON.parse(await host.files.readText(`${dnsmasq.files.directory}/network.json`)) as { config: Record<string, string> };
    for (const name of names) {
      const path = `${dnsmasq.files.hosts}/${name}`;
      const hwaddr = (await host.files.readText(path)).trim().split(',')[0]!;
      await host.files.remove(path);
      await releaseLeases(host, dnsmasq, config, hwaddr);
    }
    await dnsmasq.reload();
  }
}
