import type { KeyTable } from '../key.js';
import { bool } from '../validators.js';
import { deviceNode, deviceNumber, fileMode, unixId } from './device-validators.js';

/** Options of unix-char devices (for container). */
export const unixCharKeys = {
  source: { name: 'source', type: 'string', description: 'Host device node', validate: deviceNode, live: 'no' },
  path: { name: 'path', type: 'string', description: 'Node path inside', live: 'no' },
  major: { name: 'major', type: 'integer', description: 'Major number', validate: deviceNumber, live: 'no' },
  minor: { name: 'minor', type: 'integer', description: 'Minor number', validate: deviceNumber, live: 'no' },
  uid: { name: 'uid', type: 'integer', description: 'Owner', validate: unixId, defaultValue: '0', live: 'no' },
  gid: { name: 'gid', type: 'integer', description: 'Group', validate: unixId, defaultValue: '0', live: 'no' },
  mode: { name: 'mode', type: 'integer', description: 'Mode', validate: fileMode, defaultValue: '0660', live: 'no' },
  required: { name: 'required', type: 'bool', description: 'Needed at start', validate: bool, defaultValue: 'true', live: 'no' },
} satisfies KeyTable;
