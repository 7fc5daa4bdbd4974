import { flag, list, map, optional, struct, text, time, whole } from '../schema.js';

const source = struct('InstanceSource', {
  type: text,
  alias: text,
  fingerprint: text,
  properties: map(text),
  server: text,
  secret: text,
  certificate: text,
  protocol: text,
  mode: text,
  source: text,
  live: flag,
  instance_only: flag,
  container_only: flag,
  refresh: flag,
  project: text,
});

export const createInstanceBody = struct('InstancesPost', {
  name: text,
  source,
  instance_type: text,
  type: text,
  architecture: text,
  config: map(text),
  devices: map(map(text)),
  ephemeral: flag,
  profiles: optional(list(text)),
  stateful: flag,
  description: text,
});
export const updateInstanceBody = struct('InstancePut', {
  architecture: optional(text),
  config: map(text),
  devices: map(map(text)),
  ephemeral: optional(flag),
  profiles: optional(list(text)),
  restore: text,
  stateful: flag,
  description: optional(text),
});
export const renameInstanceBody = struct('InstancePost', { name: text, migration: flag, pool: text, project: text });
export const changeStateBody = struct('InstanceStatePut', { action: text, timeout: whole('int'), force: flag, stateful: flag });
export const changeStatesBody = struct('InstancesPut', { state: changeStateBody });

export const execBody = struct('InstanceExecPost', {
  command: list(text),
  'wait-for-websocket': flag,
  interactive: flag,
  environment: map(text),
  width: whole('int'),
  height: whole('int'),
  'record-output': flag,
  user: optional(whole('uint32')),
  group: optional(whole('uint32')),
  cwd: text,
});
export const consoleBody = struct('InstanceConsolePost', { width: whole('int'), height: whole('int'), type: text });

export const createSnapshotBody = struct('InstanceSnapshotsPost', { name: text, stateful: flag, expires_at: optional(time) });
export const updateSnapshotBody = struct('InstanceSnapshotPut', { expires_at: optional(time) });
export const renameSnapshotBody = struct('InstanceSnapshotPost', { name: text, migration: flag });

export const createBackupBody = struct('InstanceBackupsPost', {
  name: text,
  expires_at: time,
  instance_only: flag,
  container_only: flag,
  optimized_storage: flag,
  compression_algorithm: text,
});
export const renameBackupBody = struct('InstanceBackupPost', { name: text });
