import type { KeyTable } from '../key.js';
import { pciAddress } from './device-validators.js';

/** Options of pci devices (for VM). */
export const pciKeys = {
  address: { name: 'address', type: 'string', description: 'PCI address of the device', validate: pciAddress, live: 'no' },
} satisfies KeyTable;
