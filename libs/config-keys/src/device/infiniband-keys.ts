import type { KeyTable } from '../key.js';
import { interfaceName, mtu, oneOf } from '../validators.js';

/** Options of infiniband:physical devices (for container). */
export const infinibandPhysicalKeys = {
  nictype: { name: 'nictype', type: 'string', description: 'Kind of attachment', validate: oneOf('physical', 'sriov'), live: 'no' },
  parent: { name: 'parent', type: 'string', description: 'Host interface', live: 'no' },
  name: { name: 'name', type: 'string', description: 'Name inside', validate: interfaceName, live: 'no' },
  hwaddr: { name: 'hwaddr', type: 'string', description: 'Hardware address', live: 'no' },
  mtu: { name: 'mtu', type: 'integer', description: 'MTU', validate: mtu, live: 'no' },
} satisfies KeyTable;

/** Options of infiniband:sriov devices (for container). */
export const infinibandSriovKeys = {
  nictype: { name: 'nictype', type: 'string', description: 'Kind of attachment', validate: oneOf('physical', 'sriov'), live: 'no' },
  parent: { name: 'parent', type: 'string', description: 'Host interface', live: 'no' },
  name: { name: 'name', type: 'string', description: 'Name inside', validate: interfaceName, live: 'no' },
  hwaddr: { name: 'hwaddr', type: 'string', description: 'Hardware address', live: 'no' },
  mtu: { name: 'mtu', type: 'integer', description: 'MTU', validate: mtu, live: 'no' },
} satisfies KeyTable;
