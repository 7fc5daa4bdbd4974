import { randomBytes, randomUUID } from 'node:crypto';
import { deviceOption, findKey, imagePrefix, instanceKeys, keyFor, nicBridgedKeys, volatilePrefix } from '@asterism/config-keys';
import { sorted, type Config, type Devices } from './instance.js';

/** A MAC address in LXD's range. */
export function randomHwaddr(): string {
  return ['00', '16', '3e', ...[...randomBytes(3)].map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
}

/** Nics that get an address of their own at creation: those whose kind has one, unless their options name it. */
export function nicHwaddrs(expanded: Devices, config: Config): Config {
  const added: Config = {};
  for (const [name, options] of Object.entries(expanded)) {
    if (options[deviceOption.type] !== 'nic' || options[nicBridgedKeys.hwaddr.name]) continue;
    if (['ipvlan', 'physical'].includes(options[deviceOption.nictype] ?? '')) continue;
    const key = keyFor(instanceKeys.volatileDeviceHwaddr, name);
    if (!config[key]) added[key] = randomHwaddr();
  }
  return added;
}

/** The identity of a new instance. `trigger` says which image templates apply at the first start. */
export function identity(trigger: 'create' | 'copy'): Config {
  return {
    [instanceKeys.volatileApplyTemplate.name]: trigger,
    [instanceKeys.volatileCloudInitInstanceId.name]: randomUUID(),
    [instanceKeys.volatileUuid.name]: randomUUID(),
  };
}

const keptByCopies: readonly string[] = [
  instanceKeys.volatileBaseImage.name,
  instanceKeys.volatileLastStateIdmap.name,
  instanceKeys.volatileIdmapNext.name,
  instanceKeys.volatileIdmapBase.name,
];

/** The config a copy takes over: everything but the identity and runtime facts of its source. */
export function copiedConfig(source: Config): Config {
  return Object.fromEntries(Object.entries(source).filter(([key]) => !key.startsWith(volatilePrefix) || keptByCopies.includes(key)));
}

/** Image properties as an instance keeps them. */
export function imageConfig(properties: Config): Config {
  return Object.fromEntries(Object.entries(properties).map(([key, value]) => [`${imagePrefix}${key}`, value]));
}

/** Applies what an agent or the server set; an empty value removes the key. */
export function withVolatile(config: Config, changes: Config): Config {
  const merged = { ...config, ...changes };
  for (const [key, value] of Object.entries(changes)) if (value === '') delete merged[key];
  return sorted(merged);
}

/** Volatile keys of devices that are gone. */
export function forgottenDevices(config: Config, expanded: Devices): Config {
  const removed: Config = {};
  for (const key of Object.keys(config)) {
    if (!key.startsWith(volatilePrefix)) continue;
    const pattern = findKey(instanceKeys, key);
    if (!pattern?.name.startsWith(`${volatilePrefix}*.`)) continue;
    const device = key.slice(volatilePrefix.length, key.length - (pattern.name.length - `${volatilePrefix}*`.length));
    if (!(device in expanded)) removed[key] = '';
  }
  return removed;
}
