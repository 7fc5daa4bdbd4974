import { basename, dirname } from 'node:path';
import { isTrue, usbKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { DeviceNumber } from '../host/files.js';
import type { Host } from '../host/host.js';
import { Sysfs } from '../resources/sysfs.js';
import type { Followed, InstanceDevice } from './device.js';
import { nodeOwnership, type GuestNode } from './device-nodes.js';
import type { NodeSource } from './node-driver.js';

const usbRoot = '/sys/bus/usb/devices';

/** A node of the host's with who made the thing behind it. */
interface BusNode extends DeviceNumber {
  path: string;
  vendor: string;
  product: string;
}

/** "usb": the nodes of all devices on the bus that are of this vendor and product, and of those plugged in later. */
export class UsbNodes implements NodeSource {
  readonly #sysfs: Sysfs;

  constructor(host: Host) {
    this.#sysfs = new Sysfs(host.files);
  }

  follows(): Followed {
    return { uevents: true };
  }

  async find(device: InstanceDevice): Promise<GuestNode[]> {
    const names = await this.#sysfs.names(usbRoot, /^\d+-[\d.]+$/);
    const nodes = (await Promise.all(names.map((name) => this.#node(`${usbRoot}/${name}`)))).filter((node) => node !== undefined);
    return wanted(device, nodes, 'Required USB device not found');
  }

  async #node(path: string): Promise<BusNode | undefined> {
    const number = await deviceNumberOf(this.#sysfs, path);
    const [bus, address] = [await this.#sysfs.number(`${path}/busnum`), await this.#sysfs.number(`${path}/devnum`)];
    if (!number || bus === undefined || address === undefined) return undefined;
    const digits = (value: number): string => String(value).padStart(3, '0');
    return { kind: 'char', ...number, path: `/dev/bus/usb/${digits(bus)}/${digits(address)}`, ...(await makersOf(this.#sysfs, path)) };
  }
}

/** "unix-hotplug": all nodes of devices that hang on one of this vendor and product (serial lines and the like), but those of the bus itself. */
export class HotplugNodes implements NodeSource {
  readonly #sysfs: Sysfs;

  constructor(private readonly host: Host) {
    this.#sysfs = new Sysfs(host.files);
  }

  follows(): Followed {
    return { uevents: true };
  }

  async find(device: InstanceDevice): Promise<GuestNode[]> {
    const nodes = await Promise.all([this.#nodes('char'), this.#nodes('block')]);
    return wanted(device, nodes.flat(), 'Required Unix Hotplug device not found');
  }

  async #nodes(kind: 'char' | 'block'): Promise<BusNode[]> {
    const found: BusNode[] = [];
    for (const name of await this.#sysfs.names(`/sys/dev/${kind}`, /^\d+:\d+$/)) {
      const path = await this.#sysfs.realpath(`/sys/dev/${kind}/${name}`);
      if (path === undefined || (await this.#sysfs.linkName(`${path}/subsystem`)) === 'usb') continue;
      const maker = await this.#makerAbove(path);
      if (!maker) continue;
      const uevent = (await this.host.files.readText(`${path}/uevent`).catch(() => '')).match(/^DEVNAME=(.+)$/m)?.[1];
      const [major = 0, minor = 0] = name.split(':').map(Number);
      found.push({ kind, major, minor, path: `/dev/${uevent ?? basename(path)}`, ...maker });
    }
    return found;
  }

  /** Of the nearest device above that says who made it. */
  async #makerAbove(path: string): Promise<{ vendor: string; product: string } | undefined> {
    for (let above = path; above.startsWith('/sys/devices/'); above = dirname(above)) {
      const makers = await makersOf(this.#sysfs, above);
      if (makers.vendor !== '') return makers;
    }
    return undefined;
  }
}

async function makersOf(sysfs: Sysfs, path: string): Promise<{ vendor: string; product: string }> {
  return { vendor: await sysfs.id(`${path}/idVendor`), product: await sysfs.id(`${path}/idProduct`) };
}

export async function deviceNumberOf(sysfs: Sysfs, path: string): Promise<{ major: number; minor: number } | undefined> {
  const [major, minor] = ((await sysfs.text(`${path}/dev`)) ?? '').split(':').map(Number);
  return major === undefined || minor === undefined ? undefined : { major, minor };
}

function wanted({ spec: { options } }: InstanceDevice, nodes: readonly BusNode[], missing: string): GuestNode[] {
  const fits = (value: string, option: string): boolean => !options[option] || options[option] === value;
  const found = nodes.filter(({ vendor, product }) => fits(vendor, usbKeys.vendorid.name) && fits(product, usbKeys.productid.name));
  if (found.length === 0 && isTrue(options[usbKeys.required.name])) throw new LxdError('internal', missing);
  return found.map(({ kind, major, minor, path }) => ({ kind, major, minor, path, ...nodeOwnership(options) }));
}
