import type { Sysfs } from './sysfs.js';

const root = '/sys/class/block';
const sectorBytes = 512;

/** "storage" of LXD's resources: block devices that belong to a bus, with their partitions. */
export async function storageResources(sysfs: Sysfs): Promise<object> {
  const names = await sysfs.names(root);
  const disks: object[] = [];
  for (const name of names) {
    if ((await sysfs.exists(`${root}/${name}/partition`)) || !(await sysfs.exists(`${root}/${name}/device`))) continue;
    disks.push(await readDisk(sysfs, name));
  }
  return { disks, total: disks.length };
}

async function readDisk(sysfs: Sysfs, name: string): Promise<object> {
  const path = `${root}/${name}`;
  const device = `${path}/device`;
  const model = await sysfs.text(`${device}/model`);
  const serial = await sysfs.text(`${device}/serial`);
  const pci = await sysfs.pciAddress(device);
  const { id, device: number, ...block } = await common(sysfs, name);
  return {
    id,
    device: number,
    ...(model ? { model } : {}),
    type: await busOf(sysfs, path),
    ...block,
    removable: (await sysfs.number(`${path}/removable`)) === 1,
    numa_node: await sysfs.numaNode(device),
    block_size: 0,
    ...(serial ? { serial } : {}),
    rpm: (await sysfs.number(`${path}/queue/rotational`)) ?? 0,
    device_id: await deviceId(sysfs, name),
    partitions: await partitions(sysfs, name),
    ...(pci ? { pci_address: pci } : {}),
  };
}

async function common(sysfs: Sysfs, name: string): Promise<{ id: string; device: string; read_only: boolean; size: number }> {
  const path = `${root}/${name}`;
  return {
    id: name,
    device: (await sysfs.text(`${path}/dev`)) ?? '',
    read_only: (await sysfs.number(`${path}/ro`)) === 1,
    size: ((await sysfs.number(`${path}/size`)) ?? 0) * sectorBytes,
  };
}

async function partitions(sysfs: Sysfs, disk: string): Promise<object[]> {
  const found: object[] = [];
  for (const name of await sysfs.names(`${root}/${disk}`)) {
    const partition = await sysfs.number(`${root}/${disk}/${name}/partition`);
    if (partition !== undefined) found.push({ ...(await common(sysfs, name)), partition });
  }
  return found;
}

async function busOf(sysfs: Sysfs, path: string): Promise<string> {
  const real = (await sysfs.realpath(`${path}/device`)) ?? '';
  if (/\/usb\d+\//.test(real)) return 'usb';
  if (/\/ata\d+\//.test(real)) return 'sata';
  return (await sysfs.linkName(`${path}/device/subsystem`)) ?? 'unknown';
}

async function deviceId(sysfs: Sysfs, name: string): Promise<string> {
  for (const id of await sysfs.names('/dev/disk/by-id')) {
    if ((await sysfs.realpath(`/dev/disk/by-id/${id}`)) === `/dev/${name}`) return id;
  }
  return '';
}
