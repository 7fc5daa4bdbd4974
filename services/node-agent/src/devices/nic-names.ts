import { createHash } from 'node:crypto';
import { deviceOption, nicBridgedKeys } from '@asterism/config-keys';
import type { agentInstances } from '@asterism/proto';
import type { InstanceDevice } from './device.js';

type InstanceSpec = agentInstances.InstanceSpec;

/**
 * The host's end of a nic. Derived from the instance's id, so that whoever stops the instance finds it: also an agent that was killed before it could
 * tell anybody.
 */
export function hostName({ instance, name, spec }: InstanceDevice, prefix: 'veth' | 'mac' = 'veth'): string {
  return spec.options[nicBridgedKeys.hostName.name] || prefix + hash(`${instance.id}/${name}`);
}

/** What the guest's end is called until it is moved into the guest. */
export function peerName({ instance, name }: InstanceDevice): string {
  return `veth${hash(`${instance.id}/${name}/peer`)}`;
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

/** The name inside the guest: the nic's own, or the next free "ethN" in the order of the devices' names. */
export function guestName({ instance, name }: InstanceDevice): string {
  const named = nicNames(instance);
  return named.get(name) ?? 'eth0';
}

function nicNames(instance: InstanceSpec): Map<string, string> {
  const nics = Object.entries(instance.devices)
    .filter(([, { options }]) => options[deviceOption.type] === 'nic')
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const names = new Map(nics.flatMap(([device, { options }]) => (options[nicBridgedKeys.name.name] ? [[device, options[nicBridgedKeys.name.name]!] as const] : [])));
  const taken = new Set(names.values());
  for (const [device] of nics) {
    if (names.has(device)) continue;
    let number = 0;
    while (taken.has(`eth${number}`)) number++;
    names.set(device, `eth${number}`);
    taken.add(`eth${number}`);
  }
  return names;
}
