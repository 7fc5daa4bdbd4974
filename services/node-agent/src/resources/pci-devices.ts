import type { Sysfs } from './sysfs.js';

const root = '/sys/bus/pci/devices';

/** "pci" of LXD's resources. */
export async function pciResources(sysfs: Sysfs): Promise<object> {
  const devices = await Promise.all((await sysfs.names(root)).map((address) => readDevice(sysfs, address)));
  return { devices, total: devices.length };
}

async function readDevice(sysfs: Sysfs, address: string): Promise<object> {
  const path = `${root}/${address}`;
  return {
    ...(await sysfs.driver(path)),
    numa_node: await sysfs.numaNode(path),
    pci_address: address,
    vendor: '',
    vendor_id: await sysfs.id(`${path}/vendor`),
    product: '',
    product_id: await sysfs.id(`${path}/device`),
    iommu_group: Number((await sysfs.linkName(`${path}/iommu_group`)) ?? 0),
    vpd: {},
  };
}

/** "gpu" of LXD's resources: PCI devices of the display class, with what the kernel's DRM makes of them. */
export async function gpuResources(sysfs: Sysfs): Promise<object> {
  const cards: object[] = [];
  for (const address of await sysfs.names(root)) {
    const path = `${root}/${address}`;
    if (!((await sysfs.text(`${path}/class`)) ?? '').startsWith('0x03')) continue;
    const drm = await readDrm(sysfs, path);
    cards.push({
      ...(await sysfs.driver(path)),
      ...(drm ? { drm } : {}),
      numa_node: await sysfs.numaNode(path),
      pci_address: address,
      vendor_id: await sysfs.id(`${path}/vendor`),
      product_id: await sysfs.id(`${path}/device`),
    });
  }
  return { cards, total: cards.length };
}

async function readDrm(sysfs: Sysfs, path: string): Promise<object | undefined> {
  const names = await sysfs.names(`${path}/drm`);
  const entry = async (prefix: string): Promise<{ name: string; device: string }> => {
    const name = names.find((candidate) => new RegExp(`^${prefix}\\d+$`).test(candidate)) ?? '';
    return { name, device: name ? ((await sysfs.text(`${path}/drm/${name}/dev`)) ?? '') : '' };
  };
  const [card, control, render] = await Promise.all([entry('card'), entry('controlD'), entry('renderD')]);
  if (card.name === '') return undefined;
  return {
    id: Number(card.name.slice('card'.length)),
    card_name: card.name,
    card_device: card.device,
    ...(control.name ? { control_name: control.name, control_device: control.device } : {}),
    ...(render.name ? { render_name: render.name, render_device: render.device } : {}),
  };
}
