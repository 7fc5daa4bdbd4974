import { isDeepStrictEqual } from 'node:util';
import { deviceKeys, deviceOption, findKey, volatilePrefix } from '@asterism/config-keys';
import type { agentInstances } from '@asterism/proto';

type InstanceSpec = agentInstances.InstanceSpec;

/** News for what runs inside an instance. */
export interface GuestEvent {
  type: 'config' | 'device';
  metadata: Record<string, unknown>;
}

/** What a change of a running instance tells it: its user.* keys, and its devices. */
export function guestEvents(before: InstanceSpec, after: InstanceSpec): GuestEvent[] {
  return [...configEvents(before.config, after.config), ...deviceEvents(plainDevices(before, [before, after]), plainDevices(after, [before, after]))];
}

function configEvents(before: InstanceSpec['config'], after: InstanceSpec['config']): GuestEvent[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((key) => key.startsWith('user.')).sort();
  return keys
    .filter((key) => (before[key] ?? '') !== (after[key] ?? ''))
    .map((key) => ({ type: 'config', metadata: { key, old_value: before[key] ?? '', value: after[key] ?? '' } }));
}

type Devices = Map<string, Record<string, string>>;

function deviceEvents(before: Devices, after: Devices): GuestEvent[] {
  const event = (action: string, name: string, config: Record<string, string>): GuestEvent => ({ type: 'device', metadata: { action, config, name } });
  const removed = [...before].filter(([name]) => !after.has(name)).map(([name, config]) => event('removed', name, config));
  const added = [...after].filter(([name]) => !before.has(name)).map(([name, config]) => event('added', name, config));
  const updated = [...after].filter(([name, config]) => before.has(name) && !isDeepStrictEqual(before.get(name), config)).map(([name, config]) => event('updated', name, config));
  return [...removed, ...added, ...updated];
}

/** The devices as their owner wrote them, without what the server remembers of them, whichever side of the change knows that. */
function plainDevices({ devices }: InstanceSpec, sides: readonly InstanceSpec[]): Devices {
  const plain = Object.entries(devices).map(([name, { options, network }]) => {
    const table = deviceKeys(options, network?.type) ?? {};
    const isRemembered = (key: string): boolean => sides.some(({ config }) => config[`${volatilePrefix}${name}.${key}`] === options[key]);
    const isOwn = (key: string): boolean => kindOptions.includes(key) || (findKey(table, key) !== undefined && !isRemembered(key));
    return [name, Object.fromEntries(Object.entries(options).filter(([key]) => isOwn(key)))] as const;
  });
  return new Map(plain);
}

const kindOptions: readonly string[] = Object.values(deviceOption);
