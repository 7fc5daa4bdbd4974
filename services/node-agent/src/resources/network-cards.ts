import type { Sysfs } from './sysfs.js';

const root = '/sys/class/net';
const protocols: Readonly<Record<number, string>> = { 1: 'ethernet', 19: 'ATM', 32: 'infiniband' };

interface Card {
  driver: string;
  driver_version: string;
  ports: object[];
  sriov?: object;
  numa_node: number;
  pci_address?: string;
  vendor?: string;
  vendor_id?: string;
  product?: string;
  product_id?: string;
}

/** "network" of LXD's resources: interfaces that belong to a device, by device. */
export async function networkResources(sysfs: Sysfs): Promise<object> {
  const cards = new Map<string, Card>();
  for (const name of await sysfs.names(root)) {
    const link = `${root}/${name}/device`;
    const device = await sysfs.realpath(link);
    if (!device) continue;
    let card = cards.get(device);
    if (!card) cards.set(device, (card = await readCard(sysfs, device)));
    card.ports.push(await readPort(sysfs, name));
  }
  return { cards: [...cards.values()], total: cards.size };
}

async function readCard(sysfs: Sysfs, device: string): Promise<Card> {
  const pci = await sysfs.pciAddress(device);
  const vfs = await sysfs.number(`${device}/sriov_totalvfs`);
  return {
    ...(await sysfs.driver(device)),
    ports: [],
    ...(vfs ? { sriov: { current_vfs: (await sysfs.number(`${device}/sriov_numvfs`)) ?? 0, maximum_vfs: vfs, vfs: [] } } : {}),
    numa_node: await sysfs.numaNode(device),
    ...(pci ? { pci_address: pci } : {}),
    vendor_id: await sysfs.id(`${device}/vendor`),
    product_id: await sysfs.id(`${device}/device`),
  };
}

async function readPort(sysfs: Sysfs, name: string): Promise<object> {
  const path = `${root}/${name}`;
  const speed = (await sysfs.number(`${path}/speed`)) ?? -1;
  const duplex = (await sysfs.text(`${path}/duplex`)) ?? 'unknown';
  return {
    id: name,
    address: (await sysfs.text(`${path}/address`)) ?? '',
    port: (await sysfs.number(`${path}/dev_port`)) ?? 0,
    protocol: protocols[(await sysfs.number(`${path}/type`)) ?? 0] ?? 'unknown',
    port_type: 'other',
    transceiver_type: 'internal',
    auto_negotiation: false,
    link_detected: (await sysfs.number(`${path}/carrier`)) === 1,
    ...(speed > 0 ? { link_speed: speed } : {}),
    ...(duplex === 'unknown' ? {} : { link_duplex: duplex }),
  };
}
