import { withoutEmpty } from '@asterism/api';
import { memberNetworkKeys } from '@asterism/config-keys';
import type { Database } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import type { networks } from '@asterism/proto';
import type { NetworkSurroundings } from './network-surroundings.js';
import type { NetworkRow } from './network.store.js';

/** In a cluster a network is promised for each member first, each with config of its own, and then made on all. */
export class PendingNetworks {
  constructor(
    private readonly database: Database,
    private readonly around: NetworkSurroundings,
  ) {}

  /** The first half: one member's config. */
  async promise(request: networks.CreateNetwork, { project, type }: { project: string; type: string }): Promise<void> {
    const { store, members } = this.around;
    const member = members.requireTarget(request.target);
    const config = withoutEmpty(request.config);
    const foreign = Object.keys(config).find((key) => !memberNetworkKeys.has(key));
    if (foreign !== undefined) throw new LxdError('bad-request', `Config key "${foreign}" may not be used as member-specific key`);
    await this.database.transact(async (unit) => {
      const present = await store.lock(unit, project, request.name);
      if (present && !present.promised) throw new LxdError('bad-request', 'Network is not in pending state');
      if (present && present.type !== type) throw new LxdError('bad-request', 'Network already exists with a different type');
      if (present?.members[member]) throw new LxdError('bad-request', `The network is already defined on member "${member}"`);
      if (!present) await store.insert(unit, { project, name: request.name, type, description: request.description, config: {}, members: {}, promised: true });
      const row = present ?? (await store.lock(unit, project, request.name))!;
      await store.setMember(unit, row.id, member, config);
    });
  }

  /** The network whose second half is asked for, when it is promised for every member. */
  require(row: NetworkRow | undefined, config: Readonly<Record<string, string>>): NetworkRow {
    if (!row?.promised) throw new LxdError('bad-request', 'Network not pending on any node (use --target <node> first)');
    const missing = this.around.members.names.filter((member) => !row.members[member]);
    if (missing.length > 0) throw new LxdError('bad-request', `Network not defined on nodes: ${missing.join(', ')}`);
    const local = Object.keys(config).find((key) => memberNetworkKeys.has(key));
    if (local !== undefined) throw new LxdError('bad-request', `Config key "${local}" is cluster member specific`);
    return row;
  }
}
