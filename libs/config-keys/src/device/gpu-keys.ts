import type { KeyTable } from '../key.js';
import { oneOf, uint8, uuid } from '../validators.js';
import { busId, fileMode, pciAddress, unixId } from './device-validators.js';

/** Options of gpu:physical devices (for container, VM). */
export const gpuPhysicalKeys = {
  gputype: { name: 'gputype', type: 'string', description: 'Kind of GPU device', validate: oneOf('physical', 'mdev', 'mig', 'sriov'), defaultValue: 'physical', live: 'no' },
  vendorid: { name: 'vendorid', type: 'string', description: 'Vendor id', validate: busId, live: 'no', condition: 'not with id, pci' },
  productid: { name: 'productid', type: 'string', description: 'Product id', validate: busId, live: 'no', condition: 'not with id, pci' },
  id: { name: 'id', type: 'string', description: 'DRM card number', live: 'no', condition: 'not with pci, vendorid, productid' },
  pci: { name: 'pci', type: 'string', description: 'PCI address', validate: pciAddress, live: 'no', condition: 'not with id, vendorid, productid' },
  uid: { name: 'uid', type: 'integer', description: 'Owner', validate: unixId, defaultValue: '0', live: 'no', condition: 'container' },
  gid: { name: 'gid', type: 'integer', description: 'Group', validate: unixId, defaultValue: '0', live: 'no', condition: 'container' },
  mode: { name: 'mode', type: 'integer', description: 'Mode', validate: fileMode, defaultValue: '0660', live: 'no', condition: 'container' },
} satisfies KeyTable;

/** Options of gpu:mdev devices (for VM). */
export const gpuMdevKeys = {
  vendorid: { name: 'vendorid', type: 'string', description: 'Vendor id', validate: busId, live: 'no', condition: 'not with id, pci' },
  productid: { name: 'productid', type: 'string', description: 'Product id', validate: busId, live: 'no', condition: 'not with id, pci' },
  id: { name: 'id', type: 'string', description: 'DRM card number', live: 'no', condition: 'not with pci, vendorid, productid' },
  pci: { name: 'pci', type: 'string', description: 'PCI address', validate: pciAddress, live: 'no', condition: 'not with id, vendorid, productid' },
  mdev: { name: 'mdev', type: 'string', description: 'Mediated device profile', live: 'no' },
} satisfies KeyTable;

/** Options of gpu:mig devices (for container (code also accepts VM)). */
export const gpuMigKeys = {
  vendorid: { name: 'vendorid', type: 'string', description: 'Vendor id', validate: busId, live: 'no', condition: 'not with id, pci' },
  productid: { name: 'productid', type: 'string', description: 'Product id', validate: busId, live: 'no', condition: 'not with id, pci' },
  id: { name: 'id', type: 'string', description: 'DRM card number', live: 'no', condition: 'not with pci, vendorid, productid' },
  pci: { name: 'pci', type: 'string', description: 'PCI address', validate: pciAddress, live: 'no', condition: 'not with id, vendorid, productid' },
  migUuid: { name: 'mig.uuid', type: 'string', description: 'MIG instance by its uuid', validate: uuid, live: 'no' },
  migGi: { name: 'mig.gi', type: 'integer', description: 'GPU instance id', validate: uint8, live: 'no' },
  migCi: { name: 'mig.ci', type: 'integer', description: 'Compute instance id', validate: uint8, live: 'no' },
} satisfies KeyTable;

/** Options of gpu:sriov devices (for VM). */
export const gpuSriovKeys = {
  vendorid: { name: 'vendorid', type: 'string', description: 'Vendor id', validate: busId, live: 'no', condition: 'not with id, pci' },
  productid: { name: 'productid', type: 'string', description: 'Product id', validate: busId, live: 'no', condition: 'not with id, pci' },
  id: { name: 'id', type: 'string', description: 'DRM card number', live: 'no', condition: 'not with pci, vendorid, productid' },
  pci: { name: 'pci', type: 'string', description: 'PCI address', validate: pciAddress, live: 'no', condition: 'not with id, vendorid, productid' },
} satisfies KeyTable;
