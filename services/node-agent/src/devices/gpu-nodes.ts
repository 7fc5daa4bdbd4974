import { deviceOption, gpuPhysicalKeys, instanceKeys, isTrue } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { Host } from '../host/host.js';
import { Sysfs } from '../resources/sysfs.js';
import { deviceNumberOf } from './bus-nodes.js';
import type { InstanceDevice } from './device.js';
import { nodeOwnership, type GuestNode } from './device-nodes.js';
import type { NodeSource } from './node-driver.js';

const drmRoot = '/sys/class/drm';
const nvidiaVendor = '10de';
/** What all cards of NVIDIA share. */
const nvidiaNodes = /^(?:nvidiactl|nvidia-uvm(?:-tools)?|nvidia-modeset)$/;

interface Card {
  /** "0" of "card0". */
  id: string;
  pci: string;
  vendor: string;
  product: string;
  /** Names below /dev/dri. */
  nodes: string[];
}

/** "gpu": the nodes of the host's graphics cards that the options choose; of all without a choice. */
export class GpuNodes implements NodeSource {
  readonly #sysfs: Sysfs;

  constructor(private readonly host: Host) {
    this.#sysfs = new Sysfs(host.files);
  }

  async find(device: InstanceDevice): Promise<GuestNode[]> {
    const { options } = device.spec;
    if (options[deviceOption.gputype] === 'mig' && !isTrue(device.instance.config[instanceKeys.nvidiaRuntime.name])) throw new LxdError('internal', 'nvidia.runtime must be set to true for MIG GPUs to work');
    if (options[deviceOption.gputype] === 'mig') throw new LxdError('unsupported', 'MIG devices need the container toolkit of NVIDIA');
    const cards = (await this.#cards()).filter((card) => isChosen(card, options));
    if (cards.length === 0) throw new LxdError('internal', 'Failed to detect requested GPU device');
    const paths = cards.flatMap((card) => card.nodes.map((name) => [`/dev/dri/${name}`, `${drmRoot}/${name}`] as const));
    const ownership = nodeOwnership(options);
    const nodes: GuestNode[] = [];
    for (const [path, directory] of paths) {
      const number = await deviceNumberOf(this.#sysfs, directory);
      if (number) nodes.push({ kind: 'char', ...number, path, ...ownership });
    }
    const ofNvidia = cards.filter((card) => card.vendor === nvidiaVendor);
    return ofNvidia.length > 0 ? [...nodes, ...(await this.#nvidia(ofNvidia, ownership))] : nodes;
  }

  async #cards(): Promise<Card[]> {
    const cards: Card[] = [];
    for (const name of await this.#sysfs.names(drmRoot, /^card\d+$/)) {
      const device = `${drmRoot}/${name}/device`;
      const pci = (await this.#sysfs.pciAddress(device)) ?? '';
      const siblings = await this.#sysfs.names(`${device}/drm`, /^(?:card|renderD|controlD)\d+$/);
      cards.push({
        id: name.slice('card'.length),
        pci,
        vendor: await this.#sysfs.id(`${device}/vendor`),
        product: await this.#sysfs.id(`${device}/device`),
        nodes: siblings.length > 0 ? siblings : [name],
      });
    }
    return cards;
  }

  /** What the driver of NVIDIA made for these cards; nothing of the others. */
  async #nvidia(cards: readonly Card[], ownership: Pick<GuestNode, 'mode' | 'uid' | 'gid'>): Promise<GuestNode[]> {
    const facts = await Promise.all(cards.map(({ pci }) => this.#sysfs.text(`/proc/driver/nvidia/gpus/${pci}/information`)));
    const own = new Set(facts.map((text) => `nvidia${/^Device Minor:\s*(\d+)/m.exec(text ?? '')?.[1] ?? ''}`));
    const nodes: GuestNode[] = [];
    for (const name of await this.#sysfs.names('/dev', /^nvidia/)) {
      if (!nvidiaNodes.test(name) && !own.has(name)) continue;
      const found = await this.host.files.device(`/dev/${name}`);
      if (found !== undefined && found !== 'none') nodes.push({ ...found, path: `/dev/${name}`, ...ownership });
    }
    return nodes;
  }
}

function isChosen(card: Card, options: Readonly<Record<string, string>>): boolean {
  const { id, pci, vendorid, productid } = gpuPhysicalKeys;
  const fits = (option: string, value: string): boolean => !options[option] || options[option] === value;
  const wantedPci = options[pci.name]?.toLowerCase().replace(/^([0-9a-f]{2}:)/, '0000:$1');
  return fits(id.name, card.id) && (!wantedPci || wantedPci === card.pci) && fits(vendorid.name, card.vendor) && fits(productid.name, card.product);
}
