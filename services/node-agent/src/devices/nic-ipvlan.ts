import { nicIpvlanKeys } from '@asterism/config-keys';
import type { Host } from '../host/host.js';
import { writeSysctl } from '../networks/bridge-link.js';
import type { DeviceVolatile, InstanceDevice, LxcEntry } from './device.js';
import type { NicKind, NicLink } from './nic-kind.js';
import { runIp, type IpCommand } from '../networks/links.js';
import { ensureParent, releaseParent } from './nic-parent.js';

const keys = nicIpvlanKeys;

/** A link that shares its parent's address on the wire; LXC makes it, and answers for its addresses on the parent's network. */
export class IpvlanNic implements NicKind {
  /** Only LXC can make it, and only when it starts a container. */
  readonly needsStart = true;

  constructor(private readonly host: Host) {}

  async create({ spec: { options } }: InstanceDevice): Promise<NicLink> {
    const { link, created } = await ensureParent(this.host, options);
    if (created) await this.#passOn(link, options);
    const mode = options[keys.mode.name] || keys.mode.defaultValue;
    const entries: LxcEntry[] = [
      ['type', 'ipvlan'],
      ['ipvlan.mode', mode],
      ['ipvlan.isolation', 'bridge'],
      ...(mode === 'l3s' ? [['l2proxy', '1'] as const] : []),
      ...(options[keys.mtu.name] ? [['mtu', options[keys.mtu.name]!] as const] : []),
      ...family('ipv4', mode, options[keys.ipv4Address.name], options[keys.ipv4Gateway.name]),
      ...family('ipv6', mode, options[keys.ipv6Address.name], options[keys.ipv6Gateway.name]),
    ];
    await runIp(this.host, hostRoutes(options, 'replace'));
    return { link, volatile: created ? { 'last_state.created': 'true' } : {}, entries };
  }

  /** A VLAN's link that was just made does not answer for others yet, and LXC wants it to; other parents are the administrator's. */
  async #passOn(link: string, options: Readonly<Record<string, string>>): Promise<void> {
    if (options[keys.ipv4Address.name]) await writeSysctl(this.host, `ipv4/conf/${link}/forwarding`, '1');
    if (!options[keys.ipv6Address.name]) return;
    for (const name of ['forwarding', 'proxy_ndp']) await writeSysctl(this.host, `ipv6/conf/${link}/${name}`, '1');
  }

  async destroy({ spec: { options } }: InstanceDevice): Promise<DeviceVolatile> {
    for (const command of hostRoutes(options, 'del')) await runIp(this.host, [command]).catch(() => undefined);
    await releaseParent(this.host, options);
    return options['last_state.created'] ? { 'last_state.created': '' } : {};
  }
}

/** Beside the routes that LXC adds to the main table, which stay there so that the check of sources lets traffic in. */
function hostRoutes(options: Readonly<Record<string, string>>, verb: 'replace' | 'del'): IpCommand[] {
  const routes = (list: string | undefined, table: string | undefined, prefix: number): IpCommand[] =>
    table ? addressesIn(list).map((address): IpCommand => ['route', verb, address.includes('/') ? address : `${address}/${prefix}`, 'dev', 'lo', 'table', table]) : [];
  return [...routes(options[keys.ipv4Address.name], options[keys.ipv4HostTable.name], 32), ...routes(options[keys.ipv6Address.name], options[keys.ipv6HostTable.name], 128)];
}

function addressesIn(list: string | undefined): string[] {
  return (list ?? '').split(',').map((address) => address.trim()).filter(Boolean);
}

/** In mode l3s the device itself is the way out; in l2 it is a gateway that the options name. */
function family(name: 'ipv4' | 'ipv6', mode: string, list: string | undefined, gateway: string | undefined): LxcEntry[] {
  const addresses = addressesIn(list);
  if (addresses.length === 0) return [];
  const way = mode === 'l3s' ? (gateway === 'none' ? undefined : 'dev') : gateway;
  const prefix = name === 'ipv4' ? 32 : 128;
  return [...(way ? [[`${name}.gateway`, way] as const] : []), ...addresses.map((address): LxcEntry => [`${name}.address`, address.includes('/') ? address : `${address}/${prefix}`])];
}
