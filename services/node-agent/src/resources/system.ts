import type { Sysfs } from './sysfs.js';

const root = '/sys/class/dmi/id';
const chassisTypes = ['', 'Other', 'Unknown', 'Desktop', 'Low Profile Desktop', 'Pizza Box', 'Mini Tower', 'Tower', 'Portable', 'Laptop', 'Notebook', 'Hand Held', 'Docking Station', 'All in One', 'Sub Notebook', 'Space-saving', 'Lunch Box', 'Main Server Chassis'];
const virtualVendors = /QEMU|KVM|VMware|VirtualBox|Xen|Bochs|Parallels|Microsoft Corporation|Google|Amazon EC2/i;

/** "system" of LXD's resources, from DMI; without one this can only be a container. */
export async function systemResources(sysfs: Sysfs): Promise<object> {
  const read = async (name: string): Promise<string> => (await sysfs.text(`${root}/${name}`)) ?? '';
  const present = await sysfs.exists(root);
  const vendor = await read('sys_vendor');
  const product = await read('product_name');
  return {
    uuid: await read('product_uuid'),
    vendor,
    product,
    family: await read('product_family'),
    version: await read('product_version'),
    sku: await read('product_sku'),
    serial: await read('product_serial'),
    type: !present ? 'container' : virtualVendors.test(`${vendor} ${product}`) ? 'virtual-machine' : 'physical',
    firmware: present ? { vendor: await read('bios_vendor'), date: await read('bios_date'), version: await read('bios_version') } : null,
    chassis: present
      ? { vendor: await read('chassis_vendor'), type: chassisTypes[Number(await read('chassis_type'))] ?? '', serial: await read('chassis_serial'), version: await read('chassis_version') }
      : null,
    motherboard: present ? { vendor: await read('board_vendor'), product: await read('board_name'), serial: await read('board_serial'), version: await read('board_version') } : null,
  };
}
