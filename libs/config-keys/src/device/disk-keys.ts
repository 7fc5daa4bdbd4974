import type { KeyTable } from '../key.js';
import { bool, size, uint32 } from '../validators.js';

/** Options of disk devices (for container, VM). */
export const diskKeys = {
  limitsRead: { name: 'limits.read', type: 'string', description: 'Read rate limit', live: 'yes' },
  limitsWrite: { name: 'limits.write', type: 'string', description: 'Write rate limit', live: 'yes' },
  limitsMax: { name: 'limits.max', type: 'string', description: 'Read and write limit together', live: 'yes' },
  path: { name: 'path', type: 'string', description: 'Mount point inside', live: 'no', condition: 'not for VM block volumes; / marks the root disk' },
  source: { name: 'source', type: 'string', description: 'What is attached', live: 'no' },
  required: { name: 'required', type: 'bool', description: 'Fail when the source is missing', validate: bool, defaultValue: 'true', live: 'no' },
  readonly: { name: 'readonly', type: 'bool', description: 'Read-only mount', validate: bool, defaultValue: 'false', live: 'no' },
  size: { name: 'size', type: 'size', description: 'Quota of the root disk', validate: size, live: 'yes', condition: 'root disk only' },
  sizeState: { name: 'size.state', type: 'size', description: 'Size of the state volume of a VM', validate: size, live: 'yes', condition: 'root disk only' },
  recursive: { name: 'recursive', type: 'bool', description: 'Mount the source tree recursively', validate: bool, defaultValue: 'false', live: 'no', condition: 'bind mounts of directories' },
  pool: { name: 'pool', type: 'string', description: 'Storage pool of the volume', live: 'no' },
  propagation: { name: 'propagation', type: 'list', description: 'Mount propagation mode', defaultValue: 'private', live: 'no' },
  shift: { name: 'shift', type: 'bool', description: 'Id shifting overlay', validate: bool, defaultValue: 'false', live: 'no', condition: 'not with pool' },
  rawMountOptions: { name: 'raw.mount.options', type: 'string', description: 'Extra filesystem mount options', live: 'no' },
  cephUserName: { name: 'ceph.user_name', type: 'string', description: 'Ceph user', defaultValue: 'admin', live: 'no', condition: 'ceph:, cephfs: sources' },
  cephClusterName: { name: 'ceph.cluster_name', type: 'string', description: 'Ceph cluster', defaultValue: 'ceph', live: 'no', condition: 'ceph:, cephfs: sources' },
  bootPriority: { name: 'boot.priority', type: 'integer', description: 'VM boot order', validate: uint32, live: 'no', condition: 'VM' },
  optional: { name: 'optional', type: 'bool', description: 'Old inverse of required', validate: bool, live: 'no', condition: 'deprecated' },
} satisfies KeyTable;
