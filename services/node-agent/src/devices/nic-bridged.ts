import { bridgeKeys, isTrue, nicBridgedKeys, valueOf } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { Host } from '../host/host.js';
import { releaseLeases } from '../networks/dhcp-release.js';
import { Dnsmasq } from '../networks/dnsmasq.js';
import { removeHost, writeHost } from '../networks/dnsmasq-hosts.js';
import { linkName, runIp, type IpCommand } from '../networks/links.js';
import type { DeviceVolatile, InstanceDevice } from './device.js';
import { addressesFor } from './nic-addresses.js';
import { applyBridgeVlans } from './nic-bridge-vlans.js';
import { applyFilter, isFiltered, removeFilter } from './nic-filter.js';
import type { NicKind, NicLink } from './nic-kind.js';
import { applyLimits, removeLimits } from './nic-limits.js';
import { hostName } from './nic-names.js';
import { createVethPair, nicRoutes, silenceIpv6 } from './nic-veth.js';

const keys = nicBridgedKeys;

/** A pair of links, one in a bridge: a managed network's or one of the host's own. */
export class BridgedNic implements NicKind {
  readonly liveOptions = [
    keys.limitsIngress,
    keys.limitsEgress,
    keys.limitsMax,
    keys.ipv4Address,
    keys.ipv6Address,
    keys.ipv4Routes,
    keys.ipv6Routes,
    keys.securityMacFiltering,
    keys.securityIpv4Filtering,
    keys.securityIpv6Filtering,
  ].map((key) => key.name);

  constructor(
    private readonly host: Host,
    private readonly stateDir: string,
  ) {}

  async create(device: InstanceDevice): Promise<NicLink> {
    const bridge = bridgeOf(device);
    if (!(await this.host.links.exists(bridge))) throw new LxdError('internal', `Parent device "${bridge}" doesn't exist`);
    const isIsolated = isTrue(device.spec.options[keys.securityPortIsolation.name]);
    const { hostEnd, guestEnd } = await createVethPair(this.host, device, {
      mtu: await this.#mtu(device, bridge),
      master: bridge,
      more: (link) => [
        ...(isIsolated ? [['link', 'set', 'dev', link, 'type', 'bridge_slave', 'isolated', 'on']] : []),
        ...routeCommands(device, 'replace'),
      ],
    });
    try {
      await silenceIpv6(this.host, hostEnd);
      await applyBridgeVlans(this.host, device.spec.options, { bridge, port: hostEnd });
      await this.#settle(device, true);
    } catch (error) {
      await this.destroy(device, true).catch(() => undefined);
      throw error;
    }
    return { link: guestEnd, volatile: { host_name: hostEnd } };
  }

  /** A bridge that was deleted and made again knows its ports no more. */
  async attend(device: InstanceDevice): Promise<void> {
    const hostEnd = linkName(hostName(device));
    const isPort = await this.host.files.exists(`/sys/class/net/${hostEnd}/master`);
    if (isPort || !(await this.host.links.exists(hostEnd)) || !(await this.host.links.exists(bridgeOf(device)))) return;
    await runIp(this.host, [['link', 'set', 'dev', hostEnd, 'master', bridgeOf(device), 'up'], ...routeCommands(device, 'replace')]);
  }

  /** Back to what was where a setting is refused. */
  async update(device: InstanceDevice, before: InstanceDevice): Promise<void> {
    try {
      await this.#settle(device, false);
      await this.#reroute(before, device);
    } catch (error) {
      await this.#settle(before, false).catch(() => undefined);
      throw error;
    }
  }

  cut(device: InstanceDevice): Promise<void> {
    return this.host.links.delete(linkName(hostName(device)));
  }

  async destroy(device: InstanceDevice, removed: boolean): Promise<DeviceVolatile> {
    const hostEnd = linkName(hostName(device));
    await this.host.links.delete(hostEnd);
    await removeFilter(this.host, hostEnd, device.spec.options);
    for (const command of routeCommands(device, 'del')) await runIp(this.host, [command]).catch(() => undefined);
    const dnsmasq = this.#dnsmasq(device);
    // A stopped instance keeps its name and what is reserved for it.
    if (dnsmasq && removed) await removeHost(this.host, dnsmasq, { project: device.instance.project, instance: device.instance.name, device: device.name });
    if (dnsmasq && removed) await releaseLeases(this.host, dnsmasq, device.spec.network!.config, device.spec.options[keys.hwaddr.name] ?? '');
    return { host_name: '' };
  }

  /** Limits, filters and names; a new link has none that would have to go first. */
  async #settle(device: InstanceDevice, isNew: boolean): Promise<void> {
    const hostEnd = linkName(hostName(device));
    const { network, options } = device.spec;
    const addresses = await addressesFor(this.host, device, this.#dnsmasq(device));
    if (!isNew) await removeLimits(this.host, hostEnd);
    await applyLimits(this.host, hostEnd, options);
    const filter = { link: hostEnd, ...addresses, ...filterOptions(device) };
    if (!isNew || isFiltered(filter)) await applyFilter(this.host, filter);
    if (!network?.managed) return;
    const entry = { project: device.instance.project, instance: device.instance.name, device: device.name, hwaddr: options[keys.hwaddr.name] ?? '', ...addresses };
    await writeHost(this.host, this.#dnsmasq(device)!, entry, valueOf(network.config, bridgeKeys.dnsMode));
  }

  async #reroute(before: InstanceDevice, device: InstanceDevice): Promise<void> {
    const [old, wished] = [nicRoutes(before), nicRoutes(device)];
    if (old.join() === wished.join()) return;
    for (const command of routeCommands(before, 'del')) await runIp(this.host, [command]).catch(() => undefined);
    await runIp(this.host, routeCommands(device, 'replace'));
  }

  #dnsmasq({ spec: { network } }: InstanceDevice): Dnsmasq | undefined {
    return network?.managed ? new Dnsmasq(this.host, this.stateDir, linkName(network.name)) : undefined;
  }

  async #mtu({ spec: { options, network } }: InstanceDevice, bridge: string): Promise<string> {
    const wished = options[keys.mtu.name] || network?.config[bridgeKeys.mtu.name];
    return wished || (await this.host.files.readText(`/sys/class/net/${bridge}/mtu`)).trim();
  }
}

function bridgeOf({ spec: { options, network } }: InstanceDevice): string {
  return linkName(network?.name || options[keys.parent.name] || '');
}

function routeCommands(device: InstanceDevice, verb: 'replace' | 'del'): IpCommand[] {
  return nicRoutes(device).map((route) => ['route', verb, route, 'dev', bridgeOf(device), 'proto', 'boot']);
}

function filterOptions({ spec: { options } }: InstanceDevice): { hwaddr: string; mac: boolean; filterIpv4: boolean; filterIpv6: boolean } {
  return {
    hwaddr: options[keys.hwaddr.name] ?? '',
    mac: isTrue(options[keys.securityMacFiltering.name]),
    filterIpv4: isTrue(options[keys.securityIpv4Filtering.name]),
    filterIpv6: isTrue(options[keys.securityIpv6Filtering.name]),
  };
}
