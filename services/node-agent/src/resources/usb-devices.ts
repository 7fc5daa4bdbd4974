import type { Sysfs } from './sysfs.js';

const root = '/sys/bus/usb/devices';
const hubClass = '09';

/** "usb" of LXD's resources: everything plugged in but hubs. */
export async function usbResources(sysfs: Sysfs): Promise<object> {
  const devices: object[] = [];
  for (const name of await sysfs.names(root, /^\d+-[\d.]+$/)) {
    if ((await sysfs.text(`${root}/${name}/bDeviceClass`)) !== hubClass) devices.push(await readDevice(sysfs, name));
  }
  return { devices, total: devices.length };
}

async function readDevice(sysfs: Sysfs, name: string): Promise<object> {
  const path = `${root}/${name}`;
  const interfaces = (await sysfs.names(path)).filter((entry) => entry.startsWith(`${name}:`));
  return {
    bus_address: (await sysfs.number(`${path}/busnum`)) ?? 0,
    device_address: (await sysfs.number(`${path}/devnum`)) ?? 0,
    interfaces: await Promise.all(interfaces.map((entry) => readInterface(sysfs, `${path}/${entry}`))),
    vendor: (await sysfs.text(`${path}/manufacturer`)) ?? '',
    vendor_id: (await sysfs.text(`${path}/idVendor`)) ?? '',
    product: (await sysfs.text(`${path}/product`)) ?? '',
    product_id: (await sysfs.text(`${path}/idProduct`)) ?? '',
    speed: Number((await sysfs.text(`${path}/speed`)) ?? 0),
  };
}

async function readInterface(sysfs: Sysfs, path: string): Promise<object> {
  const hex = async (file: string): Promise<number> => parseInt((await sysfs.text(`${path}/${file}`)) ?? '0', 16);
  return {
    class_id: await hex('bInterfaceClass'),
    ...(await sysfs.driver(path)),
    number: await hex('bInterfaceNumber'),
    subclass_id: await hex('bInterfaceSubClass'),
  };
}
