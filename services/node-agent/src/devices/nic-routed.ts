import { nicRoutedKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { Host } from '../host/host.js';
import { writeSysctl } from '../networks/bridge-link.js';
import { linkName, runIp, runIpOf, type IpCommand } from '../networks/links.js';
import type { DeviceVolatile, InstanceDevice, LxcEntry, RunningInstance } from './device.js';
import type { NicKind, NicLink } from './nic-kind.js';
import { applyLimits, removeLimits } from './nic-limits.js';
import { guestName, hostName } from './nic-names.js';
import { ensureParent, releaseParent } from './nic-parent.js';
import { createVethPair } from './nic-veth.js';

const keys = nicRoutedKeys;

/** One family of a routed nic. */
interface Family {
  /** "ipv4" or "ipv6", as sysctls and LXC have it. */
  name: 'ipv4' | 'ipv6';
  prefix: number;
  addresses: string[];
  hostAddress: string;
  hasGateway: boolean;
  table: string;
}

/** A pair of links in no bridge: the host routes the nic's addresses to it, and answers for them on the parent's network. */
export class RoutedNic implements NicKind {
  readonly liveOptions = [keys.limitsIngress, keys.limitsEgress, keys.limitsMax].map((key) => key.name);

  constructor(private readonly host: Host) {}

  async create(device: InstanceDevice): Promise<NicLink> {
    const { options } = device.spec;
    const named = options[keys.parent.name];
    if (named && !(await this.host.links.exists(linkName(named)))) throw new LxdError('internal', `Parent device ${JSON.stringify(named)} doesn't exist`);
    const parent = named ? await ensureParent(this.host, options) : undefined;
    if (parent) await this.#requireForwarding(parent.link, device);
    const mtu = options[keys.mtu.name] || (parent ? (await this.host.files.readText(`/sys/class/net/${parent.link}/mtu`)).trim() : '');
    const { hostEnd, guestEnd } = await createVethPair(this.host, device, { mtu, more: (link) => hostCommands(device, link, parent?.link) });
    try {
      for (const { name } of familiesOf(device)) await writeSysctl(this.host, `${name}/conf/${hostEnd}/forwarding`, '1');
      await this.host.exec(['nft', '-f', '-'], { input: sourceCheck(hostEnd) });
      await applyLimits(this.host, hostEnd, options);
    } catch (error) {
      await this.destroy(device);
      throw error;
    }
    return { link: guestEnd, volatile: { host_name: hostEnd, ...(parent?.created ? { 'last_state.created': 'true' } : {}) }, entries: familiesOf(device).flatMap(lxcEntries) };
  }

  async update(device: InstanceDevice): Promise<void> {
    const hostEnd = linkName(hostName(device));
    await removeLimits(this.host, hostEnd);
    await applyLimits(this.host, hostEnd, device.spec.options);
  }

  async destroy(device: InstanceDevice): Promise<DeviceVolatile> {
    const hostEnd = linkName(hostName(device));
    await this.host.links.delete(hostEnd);
    await this.host.exec(['nft', '-f', '-'], { input: withoutSourceCheck(hostEnd) });
    const { options } = device.spec;
    if (options[keys.parent.name]) {
      const parent = linkName(options[keys.vlan.name] ? `${options[keys.parent.name]}.${options[keys.vlan.name]}` : options[keys.parent.name]!);
      for (const { addresses } of familiesOf(device)) for (const address of addresses) await runIp(this.host, [['neigh', 'del', 'proxy', address, 'dev', parent]]).catch(() => undefined);
      await releaseParent(this.host, options);
    }
    return { host_name: '', ...(options['last_state.created'] ? { 'last_state.created': '' } : {}) };
  }

  /** What LXC does at a start, for a nic that comes later. */
  async plugged(device: InstanceDevice, running: RunningInstance): Promise<void> {
    const guest = guestName(device);
    const commands = familiesOf(device).flatMap(({ prefix, addresses, hostAddress, hasGateway }): IpCommand[] => [
      ...addresses.map((address): IpCommand => ['addr', 'add', `${address}/${prefix}`, 'dev', guest]),
      ...(hasGateway && addresses.length > 0 ? [['route', 'add', hostAddress, 'dev', guest]] : []),
    ]);
    await runIpOf(this.host, running.pid, [['link', 'set', 'dev', guest, 'up'], ...commands]);
  }

  /** The reference changes no setting of the host's other links either. */
  async #requireForwarding(parent: string, device: InstanceDevice): Promise<void> {
    const needed = familiesOf(device).flatMap(({ name }) => (name === 'ipv4' ? [`ipv4.conf.${parent}.forwarding`] : [`ipv6.conf.${parent}.forwarding`, `ipv6.conf.${parent}.proxy_ndp`, 'ipv6.conf.all.proxy_ndp']));
    for (const sysctl of needed) {
      const path = `/proc/sys/net/${sysctl.split('.').slice(0, 2).join('/')}/${sysctl.split('.').slice(2, -1).join('.')}/${sysctl.split('.').at(-1)}`;
      const value = (await this.host.files.readText(path).catch(() => '')).trim();
      if (value !== '1') throw new LxdError('internal', `Routed mode requires sysctl net.${sysctl}=1`);
    }
  }
}

function familiesOf({ spec: { options } }: InstanceDevice): Family[] {
  const list = (text: string | undefined): string[] => (text ?? '').split(',').map((address) => address.trim()).filter(Boolean);
  const families: Family[] = [
    {
      name: 'ipv4',
      prefix: 32,
      addresses: list(options[keys.ipv4Address.name]),
      hostAddress: options[keys.ipv4HostAddress.name] || keys.ipv4HostAddress.defaultValue,
      hasGateway: options[keys.ipv4Gateway.name] !== 'none',
      table: options[keys.ipv4HostTable.name] ?? '',
    },
    {
      name: 'ipv6',
      prefix: 128,
      addresses: list(options[keys.ipv6Address.name]),
      hostAddress: options[keys.ipv6HostAddress.name] || keys.ipv6HostAddress.defaultValue,
      hasGateway: options[keys.ipv6Gateway.name] !== 'none',
      table: options[keys.ipv6HostTable.name] ?? '',
    },
  ];
  return families.filter(({ addresses }) => addresses.length > 0);
}

function hostCommands(device: InstanceDevice, link: string, parent: string | undefined): IpCommand[] {
  return familiesOf(device).flatMap(({ prefix, addresses, hostAddress, table }): IpCommand[] => [
    ['addr', 'add', `${hostAddress}/${prefix}`, 'dev', link],
    ...addresses.flatMap((address): IpCommand[] => [
      ['route', 'replace', `${address}/${prefix}`, 'dev', link, 'proto', 'boot'],
      ...(table ? [['route', 'replace', `${address}/${prefix}`, 'dev', link, 'proto', 'boot', 'table', table]] : []),
      ...(parent ? [['neigh', 'replace', 'proxy', address, 'dev', parent]] : []),
    ]),
  ]);
}

function lxcEntries({ name, prefix, addresses, hostAddress, hasGateway }: Family): LxcEntry[] {
  const broadcast = name === 'ipv4' ? ' 0.0.0.0' : '';
  return [...(hasGateway ? [[`${name}.gateway`, hostAddress] as const] : []), ...addresses.map((address): LxcEntry => [`${name}.address`, `${address}/${prefix}${broadcast}`])];
}

function tableOf(link: string): string {
  return `inet asterism.routed.${linkName(link)}`;
}

/** Nothing comes from the nic but what would be routed back to it. */
function sourceCheck(link: string): string {
  return `${withoutSourceCheck(link)}table ${tableOf(link)} {\n\tchain arriving {\n\t\ttype filter hook prerouting priority raw; policy accept;\n\t\tiifname "${linkName(link)}" fib saddr . iif oif missing drop\n\t}\n}\n`;
}

function withoutSourceCheck(link: string): string {
  return `add table ${tableOf(link)}\ndelete table ${tableOf(link)}\n`;
}
