import type { KeyTable } from '../key.js';
import { interfaceName, mtu, notEmpty, oneOf } from '../validators.js';
import { infinibandAddress } from './device-validators.js';

/** Options of infiniband:physical devices (for container). */
export const infinibandPhysicalKeys = {
  nictype: { name: 'nictype', type: 'string', description: 'Kind of attachment', validate: oneOf('physical', 'sriov'), live: 'no' },
  parent: { name: 'parent', type: 'string', description: 'Host interface', validate: notEmpty, required: true, live: 'no' },
  name: { name: 'name', type: 'string', description: 'Name inside', validate: interfaceName, live: 'no' },
  hwaddr: { name: 'hwaddr', type: 'string', description: 'Hardware address', validate: infinibandAddress, live: 'no' },
  mtu: { name: 'mtu', type: 'integer', description: 'MTU', validate: mtu, live: 'no' },
} satisfies KeyTable;

/** Options of infiniband:sriov devices (for container). */
export const infinibandSriovKeys = {
  nictype: { name: 'nictype', type: 'string', description: 'Kind of attachment', validate: oneOf('physical', 'sriov'), live: 'no' },
  parent: { name: 'parent', type: 'string', description: 'Host interface', validate: notEmpty, required: true, live: 'no' },
  name: { name: 'name', type: 'string', description: 'Name inside', validate: interfaceName, live: 'no' },
  hwaddr: { name: 'hwaddr', type: 'string', description: 'Hardware address', validate: infinibandAddress, live: 'no' },
  mtu: { name: 'mtu', type: 'integer', description: 'MTU', validate: mtu, live: 'no' },
} satisfies KeyTable;
