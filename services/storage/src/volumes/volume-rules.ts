import { invalidVolumeConfig, parseSize, volumeKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { agentStorage } from '@asterism/proto';
import { agentPool, type PoolRow } from '../pools/pool.store.js';
import type { VolumeRow } from './volume.store.js';
import { defaultProject } from './volume-urls.js';

const types = new Set(['container', 'virtual-machine', 'custom', 'image']);
const blockDefaultBytes = 10 * 2 ** 30;

export function requireType(type: string): void {
  if (!types.has(type)) throw new LxdError('bad-request', 'Invalid storage volume type name');
}

/** Refuses a new custom volume, in LXD's words and order. */
export function requireNewVolume(volume: { name: string; type: string }): void {
  requireVolumeName(volume.name);
  if (volume.type === '') throw new LxdError('bad-request', 'You must provide a storage volume type of the storage volume');
  if (volume.type !== 'custom') throw new LxdError('bad-request', `Currently not allowed to create storage volumes of type ${JSON.stringify(volume.type)}`);
}

export function requireVolumeName(name: string): void {
  if (name === '') throw new LxdError('bad-request', 'No name provided');
  if (name.includes('/')) throw new LxdError('bad-request', 'Storage volume names may not contain slashes');
  requirePathName(name);
}

export function requireSnapshotName(name: string): void {
  if (name.includes('/')) throw new LxdError('bad-request', 'Storage name cannot contain "/"');
  if (/\s/.test(name)) throw new LxdError('bad-request', 'Storage name cannot contain white space');
  requirePathName(name);
}

/** Names become directories, links and parts of commands' arguments. */
function requirePathName(name: string): void {
  if (name === '.' || name === '..' || /[\u0000-\u001f\u007f]/.test(name) || Buffer.byteLength(name) > 180) throw new LxdError('bad-request', `Invalid storage volume name ${JSON.stringify(name)}`);
}

export function contentTypeOf(asked: string): string {
  if (asked === '' || asked === 'filesystem') return 'filesystem';
  if (asked === 'block') return 'block';
  throw new LxdError('bad-request', 'Invalid volume content type name');
}

export function requireVolumeConfig(volume: { project: string; type: string; name: string; config: Readonly<Record<string, string>> }): void {
  const refused = invalidVolumeConfig(diskName(volume), volume.config);
  if (refused !== undefined) throw new LxdError('internal', refused);
}

/** LXD's name on disk: custom volumes carry their project always, instances' outside the default one. */
export function diskName(volume: { project: string; type: string; name: string }): string {
  if (volume.type === 'image') return volume.name;
  return volume.type === 'custom' || volume.project !== defaultProject ? `${volume.project}_${volume.name}` : volume.name;
}

/** A volume as its agent knows it. */
export function agentVolume(pool: PoolRow, row: Pick<VolumeRow, 'member' | 'project' | 'type' | 'name' | 'content_type' | 'config'>): agentStorage.Volume {
  const size = row.config[volumeKeys.size.name] ?? '';
  const fallback = row.content_type === 'block' ? blockDefaultBytes : 0;
  return {
    pool: agentPool(pool, row.member),
    type: row.type,
    name: diskName(row),
    content_type: row.content_type,
    config: row.config,
    size_bytes: size === '' ? fallback : (parseSize(size) ?? fallback),
  };
}
