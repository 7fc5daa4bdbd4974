import { subnets } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { Host } from '../host/host.js';
import { isMissing } from '../host/files.js';
import type { HostLink } from '../host/link-dump.js';
import type { BridgeWish, FamilyWish } from './bridge-wish.js';
import { runIp, type IpCommand } from './links.js';

/** Brings the kernel's bridge to what is wished, whatever it is now. */
export async function applyBridgeLink(host: Host, wish: BridgeWish): Promise<void> {
  const isNew = !(await host.links.exists(wish.name));
  if (isNew) await runIp(host, [['link', 'add', 'dev', wish.name, 'address', wish.hwaddr, 'type', 'bridge']]);
  else if (!(await host.files.exists(`/sys/class/net/${wish.name}/bridge`))) throw new LxdError('internal', `Network interface "${wish.name}" already exists`);
  await applySysctls(host, wish); // before the kernel is looked at: switching IPv6 off takes its addresses away
  const link = isNew ? undefined : await host.links.find(wish.name);
  const routes = await bridgeRoutes(host, link);
  const members = isNew ? [] : await host.files.readdir(`/sys/class/net/${wish.name}/brif`);
  const present = await Promise.all(wish.externalInterfaces.map((name) => host.links.exists(name)));
  await runIp(host, bridgeCommands({ ...wish, externalInterfaces: wish.externalInterfaces.filter((_, index) => present[index]) }, { link, routes, members }));
}

/** Whether the kernel's bridge is as it is wished already. */
export async function isBridgeAsWished(host: Host, wish: BridgeWish): Promise<boolean> {
  if (!(await host.files.exists(`/sys/class/net/${wish.name}/bridge`))) return false;
  const link = await host.links.find(wish.name);
  const members = await host.files.readdir(`/sys/class/net/${wish.name}/brif`);
  const present = await Promise.all(wish.externalInterfaces.map((name) => host.links.exists(name)));
  return bridgeCommands({ ...wish, externalInterfaces: wish.externalInterfaces.filter((_, index) => present[index]) }, { link, routes: await bridgeRoutes(host, link), members }).length === 0;
}

async function bridgeRoutes(host: Host, link: HostLink | undefined): Promise<string[]> {
  if (!link) return [];
  return (await host.links.routes()).flatMap((route) => (route.link === link.index && route.isStatic ? [route.subnet] : []));
}

/** The commands that lead from what the kernel has to what is wished; none where both agree. */
export function bridgeCommands(wish: BridgeWish, observed: { link: HostLink | undefined; routes: string[]; members: string[] }): IpCommand[] {
  const { link } = observed;
  const set = (...words: string[]): IpCommand => ['link', 'set', 'dev', wish.name, ...words];
  const commands: IpCommand[] = [];
  if (link && link.hwaddr !== wish.hwaddr) commands.push(set('address', wish.hwaddr));
  const mtu = wish.mtu ?? 1500;
  if (mtu !== (link?.mtu ?? 1500)) commands.push(set('mtu', String(mtu)));
  if (!link?.isUp) commands.push(set('up'));

  const wished = addresses(wish);
  const present = (link?.addresses ?? []).filter(({ scope }) => scope === 'global').map(({ address, prefix }) => `${address}/${prefix}`);
  for (const address of present) if (!wished.includes(address)) commands.push(['address', 'del', address, 'dev', wish.name]);
  for (const address of wished) if (!present.includes(address)) commands.push(addAddress(address, wish.name));

  const routes = [...(wish.ipv4?.routes ?? []), ...(wish.ipv6?.routes ?? [])].map((route) => subnets.formatSubnet(subnets.subnetOf(route)!));
  const known = observed.routes;
  for (const route of known) if (!routes.includes(route)) commands.push(['route', 'del', route, 'dev', wish.name, 'proto', 'static']);
  for (const route of routes) if (!known.includes(route)) commands.push(['route', 'replace', route, 'dev', wish.name, 'proto', 'static']);

  for (const name of wish.externalInterfaces) {
    if (!observed.members.includes(name)) commands.push(['link', 'set', 'dev', name, 'master', wish.name], ['link', 'set', 'dev', name, 'up']);
  }
  return commands;
}

function addresses(wish: BridgeWish): string[] {
  const cidr = ({ address, subnet }: FamilyWish): string => `${subnets.formatIp(subnets.parseIp(address))}/${subnet.prefix}`;
  return [wish.ipv4, wish.ipv6].flatMap((family) => (family ? [cidr(family)] : []));
}

function addAddress(address: string, name: string): IpCommand {
  return address.includes(':') ? ['address', 'add', address, 'dev', name, 'nodad'] : ['address', 'add', address, 'dev', name];
}

/** Forwarding between the network and the world; IPv6 only where the network has it. */
async function applySysctls(host: Host, wish: BridgeWish): Promise<void> {
  if (wish.ipv4?.forward) await writeSysctl(host, 'ipv4/ip_forward', '1');
  await writeSysctl(host, `ipv6/conf/${wish.name}/disable_ipv6`, wish.ipv6 ? '0' : '1');
  if (!wish.ipv6) return;
  await writeSysctl(host, `ipv6/conf/${wish.name}/autoconf`, '0');
  await writeSysctl(host, `ipv6/conf/${wish.name}/accept_dad`, '0');
  if (!wish.ipv6.forward || (await readSysctl(host, 'ipv6/conf/all/forwarding')) === '1') return;
  // A host that forwards ignores router advertisements unless told otherwise: links that listened shall go on.
  for (const link of await host.files.readdir('/proc/sys/net/ipv6/conf')) {
    if ((await readSysctl(host, `ipv6/conf/${link}/accept_ra`)) === '1') await writeSysctl(host, `ipv6/conf/${link}/accept_ra`, '2');
  }
  await writeSysctl(host, 'ipv6/conf/all/forwarding', '1');
}

async function readSysctl(host: Host, key: string): Promise<string | undefined> {
  return host.files.readText(`/proc/sys/net/${key}`).then(
    (text) => text.trim(),
    () => undefined,
  );
}

/** Nothing happens where the value is that already, or the kernel has no such key (IPv6 switched off). */
export async function writeSysctl(host: Host, key: string, value: string): Promise<void> {
  const present = await readSysctl(host, key);
  if (present === undefined || present === value) return;
  await host.files.writeControl(`/proc/sys/net/${key}`, value).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
  });
}
