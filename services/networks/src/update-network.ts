import { requireMatch, withoutEmpty } from '@asterism/api';
import { invalidBridgeConfig } from '@asterism/config-keys';
import type { Database } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import { common, type networks } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { wantsAddress, withAddresses } from './free-subnet.js';
import { networkEtag } from './network-document.js';
import { networkEvent } from './network-event.js';
import type { NetworkSurroundings } from './network-surroundings.js';
import type { NetworkRow } from './network.store.js';

/** PUT and PATCH of a network. The row is held while the members change, so that changes come one after the other. */
export class UpdateNetwork {
  constructor(
    private readonly database: Database,
    private readonly around: NetworkSurroundings,
  ) {}

  async run(call: CallContext, request: networks.UpdateNetwork): Promise<void> {
    const { store, projects } = this.around;
    const project = await projects.owner(call, request.project);
    await this.database.transact(async (unit) => {
      const row = await store.lock(unit, project, request.name);
      if (!row) throw new LxdError('not-found', 'Failed loading network: Network not found');
      requireMatch(request.if_match, networkEtag(row));
      const next = await this.#next(call, row, request);
      await this.#apply(call, row, next);
      await store.update(unit, next);
      unit.emit(networkEvent(call, 'network-updated', row));
    });
  }

  async #next(call: CallContext, row: NetworkRow, request: networks.UpdateNetwork): Promise<NetworkRow> {
    const sent = request.mode === common.UpdateMode.MERGE ? { ...row.config, ...request.config } : request.config;
    const wished = withoutEmpty(sent);
    const config = wantsAddress(wished) ? withAddresses(wished, await this.around.members.usedSubnets(call)) : wished;
    const reason = invalidBridgeConfig(row.name, config);
    if (reason !== undefined) throw new LxdError('bad-request', reason);
    return { ...row, config, description: request.description ?? '' }; // a PATCH without description empties it too, as in the reference
  }

  /** Back to what was where a member refuses. */
  async #apply(call: CallContext, before: NetworkRow, next: NetworkRow): Promise<void> {
    try {
      await this.around.members.apply(call, next);
    } catch (error) {
      await this.around.members.apply(call, before).catch(() => undefined);
      throw error;
    }
  }
}
