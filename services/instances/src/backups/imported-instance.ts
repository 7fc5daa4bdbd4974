import { indexReader as read } from '@asterism/backups';
import { instanceKeys, keyFor, volatilePrefix } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { Config, Devices } from '../instance.js';

/** An instance or snapshot as an archive describes it: wishes of a stranger, of the right shape and no more. */
export interface ImportedState {
  name: string;
  architecture: string;
  description: string;
  ephemeral: boolean;
  config: Config;
  devices: Devices;
  profiles: string[];
  createdAt: Date | undefined;
  expiresAt: Date | undefined;
  lastUsedAt: Date | undefined;
  /** By which the reference shifted the files' ids. */
  idmap: string;
}

export interface ImportedInstance {
  instance: ImportedState;
  /** Oldest first. */
  snapshots: ImportedState[];
  pool: string;
  optimized: boolean;
}

/** Reads an index. Of the volatile keys only those that make up the instance's identity are taken over. */
export function importedInstance(index: Readonly<Record<string, unknown>>): ImportedInstance {
  const type = read.text(index['type'], 'type') || 'container';
  if (type === 'virtual-machine') throw new LxdError('bad-request', 'Instance type "virtual-machine" is not supported on this server: QEMU is not available');
  if (type !== 'container') throw new LxdError('bad-request', `Backup is of type ${JSON.stringify(type)}, not of an instance`);
  const config = read.mapping(index['config'], 'config');
  const instance = read.mapping(config['container'] ?? config['instance'], 'container');
  if (Object.keys(instance).length === 0) throw new LxdError('bad-request', 'Backup is missing the configuration of its instance');
  const described = read.list(config['snapshots'], 'snapshots').map((snapshot) => importedState(read.mapping(snapshot, 'snapshot')));
  const snapshots = read.list(index['snapshots'], 'snapshots').map((name) => {
    const found = described.find((snapshot) => snapshot.name === name);
    if (!found) throw new LxdError('bad-request', `Backup is missing the configuration of snapshot ${JSON.stringify(name)}`);
    return found;
  });
  if (new Set(snapshots).size < snapshots.length) throw new LxdError('bad-request', 'Backup has a snapshot twice');
  return {
    instance: { ...importedState(instance), name: read.text(index['name'], 'name') },
    snapshots,
    pool: read.text(index['pool'], 'pool'),
    optimized: read.flag(index['optimized']),
  };
}

function importedState(state: Readonly<Record<string, unknown>>): ImportedState {
  const config = read.texts(state['config'], 'config');
  const devices = Object.entries(read.mapping(state['devices'], 'devices')).map(([name, options]) => [name, read.texts(options, `devices: ${name}`)]);
  return {
    // A snapshot's name may come with its instance's.
    name: read.text(state['name'], 'name').replace(/^.*\//, ''),
    architecture: read.text(state['architecture'], 'architecture'),
    description: read.text(state['description'], 'description'),
    ephemeral: read.flag(state['ephemeral']),
    config: Object.fromEntries(Object.entries(config).filter(([key]) => !key.startsWith(volatilePrefix) || isIdentity(key))),
    devices: Object.fromEntries(devices) as Devices,
    profiles: read.list(state['profiles'], 'profiles').map((name) => read.text(name, 'profiles')),
    createdAt: read.time(state['created_at'], 'created_at'),
    expiresAt: read.time(state['expires_at'], 'expires_at'),
    lastUsedAt: read.time(state['last_used_at'], 'last_used_at'),
    idmap: config[instanceKeys.volatileLastStateIdmap.name] ?? '',
  };
}

/** What names the instance to itself and to its network; everything else the server finds out anew. */
function isIdentity(key: string): boolean {
  const { volatileUuid, volatileCloudInitInstanceId, volatileBaseImage, volatileLastStatePower, volatileApplyTemplate } = instanceKeys;
  if ([volatileUuid, volatileCloudInitInstanceId, volatileBaseImage, volatileLastStatePower, volatileApplyTemplate].some(({ name }) => name === key)) return true;
  const device = /^volatile\.([^.]+)\.hwaddr$/.exec(key)?.[1];
  return device !== undefined && key === keyFor(instanceKeys.volatileDeviceHwaddr, device);
}
