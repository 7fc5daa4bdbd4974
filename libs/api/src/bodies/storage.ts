import { flag, map, optional, struct, text, time } from '../schema.js';

export const createPoolBody = struct('StoragePoolsPost', { name: text, driver: text, description: text, config: map(text) });
export const updatePoolBody = struct('StoragePoolPut', { description: optional(text), config: map(text) });

const volumeSource = struct('StorageVolumeSource', {
  name: text,
  type: text,
  pool: text,
  project: text,
  volume_only: flag,
  refresh: flag,
});
export const createVolumeBody = struct('StorageVolumesPost', {
  name: text,
  type: text,
  content_type: text,
  description: text,
  config: map(text),
  source: volumeSource,
});
export const updateVolumeBody = struct('StorageVolumePut', { description: optional(text), config: map(text), restore: text });
export const renameVolumeBody = struct('StorageVolumePost', { name: text, pool: text, project: text, migration: flag });
export const createVolumeSnapshotBody = struct('StorageVolumeSnapshotsPost', { name: text, expires_at: optional(time) });
export const updateVolumeSnapshotBody = struct('StorageVolumeSnapshotPut', { description: optional(text), expires_at: optional(time) });
export const renameVolumeSnapshotBody = struct('StorageVolumeSnapshotPost', { name: text });

export const createVolumeBackupBody = struct('StoragePoolVolumeBackupsPost', {
  name: text,
  expires_at: time,
  volume_only: flag,
  optimized_storage: flag,
  compression_algorithm: text,
});
export const renameVolumeBackupBody = struct('StoragePoolVolumeBackupPost', { name: text });
