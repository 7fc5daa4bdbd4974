import { requireInterfaceName, withoutEmpty } from '@asterism/api';
import { invalidBridgeConfig } from '@asterism/config-keys';
import { isUniqueViolation, type Database } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import type { common, networks } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { wantsAddress, withAddresses, withDefaults } from './free-subnet.js';
import { networkUrl } from './network-document.js';
import { networkEvent } from './network-event.js';
import { defaultProject } from './network-project.js';
import type { NetworkSurroundings } from './network-surroundings.js';
import type { NewNetwork } from './network.store.js';
import { PendingNetworks } from './pending-networks.js';

const otherTypes = ['macvlan', 'sriov', 'ovn', 'physical'];

/** POST /1.0/networks: the row first, so that the name is taken; it counts as created once every member has the bridge. */
export class CreateNetwork {
  private readonly pending: PendingNetworks;

  constructor(
    private readonly database: Database,
    private readonly around: NetworkSurroundings,
  ) {
    this.pending = new PendingNetworks(database, around);
  }

  async run(call: CallContext, request: networks.CreateNetwork): Promise<common.Created> {
    const { store, members } = this.around;
    const kind = await this.#require(call, request);
    if (members.isClustered && request.target !== '') {
      await this.pending.promise(request, kind);
      return { url: networkUrl({ project: kind.project, name: request.name }) };
    }
    const present = await store.find(kind.project, request.name);
    const promised = present || (members.isClustered && members.names.length > 1) ? this.pending.require(present, request.config) : undefined;
    const network = await this.#plan(call, request, { ...kind, members: promised?.members ?? {} });
    await this.database.transact((unit) => (promised ? store.setPromised(unit, { ...network, id: promised.id }, false) : store.insert(unit, network))).catch((error: unknown) => {
      throw isUniqueViolation(error) ? nameTaken() : error;
    });
    try {
      await members.apply(call, network);
    } catch (error) {
      await members.remove(call, network).catch(() => undefined);
      await this.database.transact((unit) => (promised ? store.setPromised(unit, promised, true) : store.delete(unit, network.project, network.name)));
      throw error;
    }
    await this.database.transact(async (unit) => {
      await store.markCreated(unit, network.project, network.name);
      unit.emit(networkEvent(call, 'network-created', network));
    });
    return { url: networkUrl(network) };
  }

  /** Whose network it will be and of which type; the rest that can be refused is refused by #plan(). */
  async #require(call: CallContext, request: networks.CreateNetwork): Promise<{ project: string; type: string }> {
    const { store, projects, members } = this.around;
    const project = await projects.owner(call, request.project);
    requireInterfaceName(request.name);
    const type = request.type || 'bridge';
    if (otherTypes.includes(type)) throw new LxdError('bad-request', `Network type "${type}" is not supported`);
    if (type !== 'bridge') throw new LxdError('bad-request', 'Unknown driver');
    if (project !== defaultProject) throw new LxdError('bad-request', 'Network type does not support non-default projects');
    members.requireTarget(request.target);
    const present = await store.find(project, request.name);
    if (present && !(members.isClustered && present.promised)) throw nameTaken();
    return { project, type };
  }

  async #plan(call: CallContext, request: networks.CreateNetwork, kind: Pick<NewNetwork, 'project' | 'type' | 'members'>): Promise<NewNetwork> {
    const wished = withoutEmpty(request.config);
    const config = wantsAddress(wished, true) ? await this.#addressed(call, wished) : wished;
    const reason = invalidBridgeConfig(request.name, config);
    if (reason !== undefined) throw new LxdError('internal', reason); // 500, as the reference answers
    return { ...kind, name: request.name, description: request.description, config, promised: false };
  }

  async #addressed(call: CallContext, wished: Record<string, string>): Promise<Record<string, string>> {
    const used = await this.around.members.usedSubnets(call);
    return withAddresses(withDefaults(wished, used), used);
  }
}

function nameTaken(): LxdError {
  return new LxdError('bad-request', 'The network already exists');
}
