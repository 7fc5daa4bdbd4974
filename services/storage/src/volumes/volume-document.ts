import { sortedMap } from '@asterism/api';
import type { SnapshotRow } from './snapshot.store.js';
import type { VolumeRow } from './volume.store.js';

/** Go's zero time: what LXD writes for a time it does not know. */
const zeroTime = '0001-01-01T00:00:00Z';

/** LXD's StorageVolume object. */
export function volumeObject(row: VolumeRow, usedBy: readonly string[]): Record<string, unknown> {
  return {
    config: sortedMap(row.config),
    description: row.description,
    name: row.name,
    type: row.type,
    used_by: usedBy,
    location: row.member,
    content_type: row.content_type,
    project: row.project,
    created_at: zeroTime,
  };
}

export function volumeEtag(row: VolumeRow): unknown {
  return [row.name, row.type, sortedMap(row.config)];
}

/** As an item of a list: with the volume's name before its own, without a content type. */
export function listedSnapshot(volume: VolumeRow, row: SnapshotRow): Record<string, unknown> {
  const expires = row.expires_at === null ? null : goTime(row.expires_at);
  return { description: row.description, expires_at: expires, name: `${volume.name}/${row.name}`, config: sortedMap(row.config), content_type: '', created_at: zeroTime };
}

export function snapshotObject(volume: VolumeRow, row: SnapshotRow): Record<string, unknown> {
  const expires = row.expires_at === null ? zeroTime : goTime(row.expires_at);
  return { description: row.description, expires_at: expires, name: row.name, config: sortedMap(row.config), content_type: volume.content_type, created_at: zeroTime };
}

export function snapshotEtag(row: SnapshotRow): unknown {
  return [row.description, row.expires_at === null ? zeroTime : goTime(row.expires_at)];
}

/** RFC 3339 as Go writes it: no trailing zeros in the fraction. */
function goTime(time: Date): string {
  return time.toISOString().replace(/\.?0*Z$/, 'Z');
}
