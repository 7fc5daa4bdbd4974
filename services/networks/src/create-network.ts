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

const otherTypes = ['macvlan', 'sriov', 'ovn', 'physical'];

/** POST /1.0/networks: the row first, so that the name is taken; it counts as created once every member has the bridge. */
export class CreateNetwork {
  constructor(
    private readonly database: Database,
    private readonly around: NetworkSurroundings,
  ) {}

  async run(call: CallContext, request: networks.CreateNetwork): Promise<common.Created> {
    const { store, members } = this.around;
    const network = await this.#plan(call, request);
    await this.database.transact((unit) => store.insert(unit, network)).catch((error: unknown) => {
      throw isUniqueViolation(error) ? nameTaken() : error;
    });
    try {
      await members.apply(call, network);
    } catch (error) {
      await members.remove(call, network).catch(() => undefined);
      await this.database.transact((unit) => store.delete(unit, network.project, network.name));
      throw error;
    }
    await this.database.transact(async (unit) => {
      await store.markCreated(unit, network.project, network.name);
      unit.emit(networkEvent(call, 'network-created', network));
    });
    return { url: networkUrl(network) };
  }

  /** Everything that can be refused is refused here. */
  async #plan(call: CallContext, request: networks.CreateNetwork): Promise<NewNetwork> {
    const { store, projects, members } = this.around;
    const project = await projects.owner(call, request.project);
    requireInterfaceName(request.name);
    const type = request.type || 'bridge';
    if (otherTypes.includes(type)) throw new LxdError('bad-request', `Network type "${type}" is not supported`);
    if (type !== 'bridge') throw new LxdError('bad-request', 'Unknown driver');
    if (project !== defaultProject) throw new LxdError('bad-request', 'Network type does not support non-default projects');
    members.requireTarget(request.target);
    if (await store.find(project, request.name)) throw nameTaken();
    const wished = withoutEmpty(request.config);
    const config = wantsAddress(wished, true) ? await this.#addressed(call, wished) : wished;
    const reason = invalidBridgeConfig(request.name, config);
    if (reason !== undefined) throw new LxdError('internal', reason); // 500, as the reference answers
    return { project, name: request.name, type, description: request.description, config };
  }

  async #addressed(call: CallContext, wished: Record<string, string>): Promise<Record<string, string>> {
    const used = await this.around.members.usedSubnets(call);
    return withAddresses(withDefaults(wished, used), used);
  }
}

function nameTaken(): LxdError {
  return new LxdError('bad-request', 'The network already exists');
}
