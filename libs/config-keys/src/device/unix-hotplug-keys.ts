import type { KeyTable } from '../key.js';
import { bool, octalMode, usbId } from '../validators.js';
import { unixId } from './device-validators.js';

/** Options of unix-hotplug devices (for container). */
export const unixHotplugKeys = {
  vendorid: { name: 'vendorid', type: 'string', description: 'Vendor id', validate: usbId, live: 'no' },
  productid: { name: 'productid', type: 'string', description: 'Product id', validate: usbId, live: 'no' },
  uid: { name: 'uid', type: 'integer', description: 'Owner', validate: unixId, defaultValue: '0', live: 'no' },
  gid: { name: 'gid', type: 'integer', description: 'Group', validate: unixId, defaultValue: '0', live: 'no' },
  mode: { name: 'mode', type: 'integer', description: 'Mode', validate: octalMode, defaultValue: '0660', live: 'no' },
  required: { name: 'required', type: 'bool', description: 'Needed at start', validate: bool, defaultValue: 'false', live: 'no' },
} satisfies KeyTable;
