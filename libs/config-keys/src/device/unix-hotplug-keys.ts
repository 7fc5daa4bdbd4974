import type { KeyTable } from '../key.js';
import { bool } from '../validators.js';
import { busId, fileMode, unixId } from './device-validators.js';

/** Options of unix-hotplug devices (for container). */
export const unixHotplugKeys = {
  vendorid: { name: 'vendorid', type: 'string', description: 'Vendor id', validate: busId, live: 'no' },
  productid: { name: 'productid', type: 'string', description: 'Product id', validate: busId, live: 'no' },
  uid: { name: 'uid', type: 'integer', description: 'Owner', validate: unixId, defaultValue: '0', live: 'no' },
  gid: { name: 'gid', type: 'integer', description: 'Group', validate: unixId, defaultValue: '0', live: 'no' },
  mode: { name: 'mode', type: 'integer', description: 'Mode', validate: fileMode, defaultValue: '0660', live: 'no' },
  required: { name: 'required', type: 'bool', description: 'Needed at start', validate: bool, defaultValue: 'false', live: 'no' },
} satisfies KeyTable;
