import { deviceOption, instanceKeys, keyFor, nicBridgedKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { Devices, InstanceRow } from './instance.js';
import type { InstanceStore } from './instance.store.js';
import type { DeviceFacts } from './surroundings.js';

type Owner = Pick<InstanceRow, 'name' | 'config'>;
type Options = Devices[string];

const { hwaddr, ipv4Address, ipv6Address, network, parent } = nicBridgedKeys;

/** What makes a nic known in its network. */
interface NicIdentity {
  network: string;
  instance: string;
  hwaddr: string;
  addresses: string[];
}

/** Why a nic cannot stand beside another on the same managed network, in LXD's words. */
export interface NicConflict {
  device: string;
  reason: string;
}

/**
 * Names, MACs and addresses are unique on a managed network.
 * @param added the new or changed devices of `owner`, all of whose devices are `all`
 * @param others instances with nics on the same networks
 */
export function nicConflict(added: Devices, { owner, all, managed, others }: { owner: Owner; all: Devices; managed: (name: string) => boolean; others: readonly (Owner & { expanded_devices: Devices })[] }): NicConflict | undefined {
  for (const [device, options] of Object.entries(added)) {
    const mine = identity(owner, device, options);
    if (!mine || !managed(mine.network)) continue;
    const own = Object.entries(all).flatMap(([name, other]) => (name === device ? [] : (identity(owner, name, other) ?? [])));
    const foreign = others.flatMap((other) => Object.entries(other.expanded_devices).flatMap(([name, options]) => identity(other, name, options) ?? []));
    const reason = [...own, ...foreign].filter((other) => other.network === mine.network).map((other) => conflict(mine, other)).find((found) => found !== undefined);
    if (reason !== undefined) return { device, reason };
  }
  return undefined;
}

/** Refuses new or changed nics whose name, MAC or address is another's on their network. Others are looked for only where an address is named. */
export async function requireFreeNics(store: InstanceStore, added: Devices, { owner, all, facts }: { owner: Owner & { id?: string }; all: Devices; facts: DeviceFacts }): Promise<void> {
  const named = namedAddresses(added);
  const others = named.length > 0 ? await store.naming(named, owner.id) : [];
  const found = nicConflict(added, { owner, all, managed: (name) => name in facts.networks, others });
  if (found) throw new LxdError('conflict', `Failed add validation for device "${found.device}": ${found.reason}`);
}

/** Addresses that an instance's nics name for themselves: only these can be somebody else's. */
function namedAddresses(devices: Devices): string[] {
  const nics = Object.values(devices).filter((options) => options[deviceOption.type] === 'nic');
  return nics.flatMap((options) => [options[hwaddr.name], options[ipv4Address.name], options[ipv6Address.name]].filter((value): value is string => Boolean(value)));
}

function identity(owner: Owner, device: string, options: Options): NicIdentity | undefined {
  if (options[deviceOption.type] !== 'nic' || !['', 'bridged'].includes(options[deviceOption.nictype] ?? '')) return undefined;
  return {
    network: options[network.name] || options[parent.name] || '',
    instance: owner.name.toLowerCase(),
    hwaddr: (options[hwaddr.name] || owner.config[keyFor(instanceKeys.volatileDeviceHwaddr, device)] || '').toLowerCase(),
    addresses: [options[ipv4Address.name], options[ipv6Address.name]].filter((value): value is string => Boolean(value)),
  };
}

function conflict(mine: NicIdentity, other: NicIdentity): string | undefined {
  if (mine.instance === other.instance) return `Instance DNS name "${mine.instance}" already used on network`;
  if (mine.hwaddr !== '' && mine.hwaddr === other.hwaddr) return `MAC address "${mine.hwaddr}" already defined on another NIC`;
  const address = mine.addresses.find((candidate) => other.addresses.includes(candidate));
  return address === undefined ? undefined : `IP address "${address}" already defined on another NIC`;
}
