import { Inject, Injectable } from '@nestjs/common';
import { soleMember } from '@asterism/agents';
import { serverKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import { event } from '@asterism/events';
import type { cluster, common } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { defineTask, Tasks, type TaskDefinition } from '@asterism/tasks';
import { ConfigStore } from '../config/config.store.js';
import { ClusterMembers } from '../members/cluster-members.js';
import { requireMemberName } from '../members/member-name.js';
import { isClustered, MemberStore } from '../members/member.store.js';
import { Authority } from './authority.js';
import { canonicalAddress, isWildcard } from './member-address.js';

interface Enable {
  name: string;
  address: string;
}

/** A host alone becomes the first member of a cluster: it gets a name, and a certificate authority for those who follow. */
@Injectable()
export class EnableClustering {
  readonly #task: TaskDefinition<Enable, object>;

  constructor(
    @Inject(Tasks) private readonly tasks: Tasks,
    @Inject(MemberStore) private readonly members: MemberStore,
    @Inject(ConfigStore) private readonly config: ConfigStore,
    @Inject(Authority) authority: Authority,
    @Inject(ClusterMembers) clusterMembers: ClusterMembers,
  ) {
    this.#task = defineTask<Enable, object>({
      kind: 'cluster.enable',
      steps: [
        {
          name: 'the first member',
          run: ({ input, transact }) =>
            transact(async (unit) => {
              if (isClustered(await members.lock(unit))) return;
              await config.giveTo(unit, soleMember);
              await config.set(unit, soleMember, serverKeys.clusterHttpsAddress.name, input.address);
              await members.lead(unit, soleMember, input.address);
              await clusterMembers.renameIn(unit, soleMember, input.name);
              await authority.make(unit);
            }),
        },
      ],
      // Apart, so that who reads the member's configuration then knows the member.
      conclude: (unit) => unit.emit(event('config.changed', { keys: [serverKeys.clusterHttpsAddress.name] })),
    });
    tasks.register(this.#task);
  }

  async start(call: CallContext, request: cluster.EnableClustering): Promise<common.OperationAnswer> {
    if (request.server_name === '') throw new LxdError('bad-request', 'ServerName is required when enabling clustering');
    requireMemberName(request.server_name);
    if (isClustered(await this.members.list())) throw new LxdError('bad-request', 'This server is already clustered');
    const input = { name: request.server_name, address: canonicalAddress(await this.#address(request)) };
    return this.tasks.open(call, this.#task, { input, operation: { description: 'Creating bootstrap node', project: 'default', resources: { cluster: [] } } });
  }

  /** Where the other members will find this one. */
  async #address({ server_address }: cluster.EnableClustering): Promise<string> {
    const config = await this.config.load();
    const own = config[serverKeys.coreHttpsAddress.name] ?? '';
    const address = server_address || (config[serverKeys.clusterHttpsAddress.name] ?? '') || own;
    if (isWildcard(address)) {
      throw new LxdError('internal', `Cannot use wildcard core.https_address ${JSON.stringify(address)} for cluster.https_address. Please specify a new cluster.https_address or core.https_address`);
    }
    return address;
  }
}
