import { isTrue, nicSriovKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { Host } from '../host/host.js';
import { linkName, runIp } from '../networks/links.js';
import { Sysfs } from '../resources/sysfs.js';
import type { DeviceVolatile, InstanceDevice } from './device.js';
import type { NicKind, NicLink } from './nic-kind.js';

const keys = nicSriovKeys;
const noHwaddr = '00:00:00:00:00:00';

/** A virtual function of one of the host's cards, given to the guest as long as it runs. */
export class SriovNic implements NicKind {
  readonly #sysfs: Sysfs;

  constructor(private readonly host: Host) {
    this.#sysfs = new Sysfs(host.files);
  }

  async create(device: InstanceDevice): Promise<NicLink> {
    const { options } = device.spec;
    const parent = linkName(options[keys.parent.name] ?? '');
    if (!(await this.host.links.exists(parent))) throw new LxdError('internal', `Parent device '${parent}' doesn't exist`);
    const { id, link } = await this.#freeFunction(parent);
    const { hwaddr, vlan } = { hwaddr: options[keys.hwaddr.name], vlan: options[keys.vlan.name] };
    const settings = [...(hwaddr ? ['mac', hwaddr] : []), ...(vlan ? ['vlan', vlan] : []), 'spoofchk', isTrue(options[keys.securityMacFiltering.name]) ? 'on' : 'off'];
    await runIp(this.host, [['link', 'set', 'dev', parent, 'vf', id, ...settings]]);
    return { link, volatile: { host_name: link, 'last_state.vf.id': id } };
  }

  /** The function is on the host again, and nobody's. */
  async destroy(device: InstanceDevice): Promise<DeviceVolatile> {
    const { options } = device.spec;
    const [parent, id] = [linkName(options[keys.parent.name] ?? ''), options['last_state.vf.id']];
    if (id && (await this.host.links.exists(parent))) await runIp(this.host, [['link', 'set', 'dev', parent, 'vf', id, 'mac', noHwaddr, 'vlan', '0', 'spoofchk', 'on']]);
    return { host_name: '', 'last_state.vf.id': '' };
  }

  returnsAs({ spec: { options } }: InstanceDevice): string {
    return linkName(options['host_name'] ?? '');
  }

  /** The first whose link is on the host and down; the card is told to make all it can where it has none yet. */
  async #freeFunction(parent: string): Promise<{ id: string; link: string }> {
    const card = `/sys/class/net/${parent}/device`;
    const total = await this.#sysfs.number(`${card}/sriov_totalvfs`);
    if (total === undefined) throw new LxdError('internal', `Parent device ${JSON.stringify(parent)} doesn't support SR-IOV`);
    if ((await this.#sysfs.number(`${card}/sriov_numvfs`)) === 0) await this.host.files.writeControl(`${card}/sriov_numvfs`, String(total));
    const count = (await this.#sysfs.number(`${card}/sriov_numvfs`)) ?? 0;
    for (let id = 0; id < count; id++) {
      const [link] = await this.#sysfs.names(`${card}/virtfn${id}/net`);
      if (link !== undefined && (await this.#sysfs.text(`/sys/class/net/${link}/operstate`)) !== 'up') return { id: String(id), link };
    }
    throw new LxdError('internal', `All virtual functions of sriov device ${JSON.stringify(parent)} seem to be in use`);
  }
}
