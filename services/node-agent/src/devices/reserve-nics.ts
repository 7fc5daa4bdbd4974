import { bridgeKeys, deviceOption, nicBridgedKeys, valueOf } from '@asterism/config-keys';
import type { agentInstances } from '@asterism/proto';
import type { Host } from '../host/host.js';
import { releaseLeases } from '../networks/dhcp-release.js';
import { Dnsmasq } from '../networks/dnsmasq.js';
import { removeHost, writeHost } from '../networks/dnsmasq-hosts.js';
import { linkName } from '../networks/links.js';

type InstanceSpec = agentInstances.InstanceSpec;
type DeviceSpec = agentInstances.DeviceSpec;

const { hwaddr, ipv4Address, ipv6Address } = nicBridgedKeys;

/** Addresses that nics of a stopped instance name are nobody else's; nics that left the instance are forgotten. */
export async function reserveNics(host: Host, stateDir: string, before: InstanceSpec | undefined, wish: InstanceSpec): Promise<void> {
  const owner = { project: wish.project, instance: wish.name };
  for (const [device, spec] of managedNics(before)) {
    if (wish.devices[device]?.network?.name === spec.network!.name) continue;
    const dnsmasq = dnsmasqOf(host, stateDir, spec);
    await removeHost(host, dnsmasq, { ...owner, device });
    await releaseLeases(host, dnsmasq, spec.network!.config, spec.options[hwaddr.name] ?? '');
  }
  for (const [device, { options, network }] of managedNics(wish)) {
    const [ipv4, ipv6] = [options[ipv4Address.name], options[ipv6Address.name]];
    const had = before?.devices[device]?.options;
    if (!ipv4 && !ipv6 && !had?.[ipv4Address.name] && !had?.[ipv6Address.name]) continue;
    const entry = { ...owner, device, hwaddr: options[hwaddr.name] ?? '', ...(ipv4 ? { ipv4 } : {}), ...(ipv6 ? { ipv6 } : {}) };
    await writeHost(host, dnsmasqOf(host, stateDir, { network }), entry, valueOf(network!.config, bridgeKeys.dnsMode));
  }
}

function managedNics(instance: InstanceSpec | undefined): [device: string, spec: DeviceSpec][] {
  return Object.entries(instance?.devices ?? {}).filter(([, spec]) => spec.options[deviceOption.type] === 'nic' && spec.network?.managed);
}

function dnsmasqOf(host: Host, stateDir: string, { network }: Pick<DeviceSpec, 'network'>): Dnsmasq {
  return new Dnsmasq(host, stateDir, linkName(network!.name));
}
