import { Inject, Injectable } from '@nestjs/common';
import { Agents, soleMember } from '@asterism/agents';
import { extensions } from '@asterism/api';
import { serverKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import { Token, type cluster, type common, type Instances, type Networks, type StoragePools } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { RuntimeInfo, type Membership } from '@asterism/service';
import { defineTask, Tasks, type TaskDefinition } from '@asterism/tasks';
import { ConfigStore } from '../config/config.store.js';
import { requireMemberName } from '../members/member-name.js';
import { isClustered, MemberStore } from '../members/member.store.js';
import { serverVersion } from '../server/server-environment.js';
import { canonicalAddress, isWildcard } from './member-address.js';
import { postPinned } from './pinned-request.js';

export const acceptPath = '/internal/cluster/accept';

interface Joined {
  membership?: Membership;
}

/** The joining server's side: it asks to be accepted, gives up what it has, and from then on serves the cluster's control plane. */
@Injectable()
export class JoinCluster {
  readonly #task: TaskDefinition<cluster.JoinCluster, Joined>;

  constructor(
    @Inject(Tasks) private readonly tasks: Tasks,
    @Inject(MemberStore) private readonly members: MemberStore,
    @Inject(ConfigStore) private readonly config: ConfigStore,
    @Inject(RuntimeInfo) private readonly runtime: RuntimeInfo,
    @Inject(Agents) private readonly agents: Agents,
    @Inject(Token.Instances) private readonly instances: Instances,
    @Inject(Token.StoragePools) private readonly pools: StoragePools,
    @Inject(Token.Networks) private readonly networks: Networks,
  ) {
    this.#task = defineTask<cluster.JoinCluster, Joined>({
      kind: 'cluster.join',
      initial: () => ({}),
      steps: [
        { name: 'the cluster accepts', run: async ({ input, state }) => void (state.membership = await this.#ask(input)) },
        { name: 'what the host had goes', run: ({ call }) => this.#giveUp(call) },
        { name: 'the host serves the cluster', run: async ({ state }) => this.runtime.become?.(state.membership!) },
      ],
    });
    tasks.register(this.#task);
  }

  async start(call: CallContext, request: cluster.JoinCluster): Promise<common.OperationAnswer> {
    if (request.server_name === '') throw new LxdError('bad-request', 'ServerName is required when enabling clustering');
    requireMemberName(request.server_name);
    if (request.cluster_certificate === '') throw new LxdError('bad-request', 'No target cluster member certificate provided');
    if (isClustered(await this.members.list())) throw new LxdError('bad-request', 'This server is already clustered');
    if (!this.runtime.become) throw new LxdError('unsupported', 'Only a standalone server can join a cluster');
    const server_address = canonicalAddress(await this.#address(request));
    await this.#requireNoInstances(call);
    const input = { ...request, server_address };
    return this.tasks.open(call, this.#task, { input, operation: { description: 'Joining cluster', project: 'default', resources: { cluster: [] } } });
  }

  async #address({ server_address }: cluster.JoinCluster): Promise<string> {
    const config = await this.config.load();
    const address = server_address || (config[serverKeys.clusterHttpsAddress.name] ?? '') || (config[serverKeys.coreHttpsAddress.name] ?? '');
    if (address === '') throw new LxdError('bad-request', 'No core.https_address config key is set on this member');
    if (isWildcard(address)) throw new LxdError('bad-request', `Cannot use wildcard core.https_address ${JSON.stringify(address)} for cluster.https_address. Please specify a new cluster.https_address or core.https_address`);
    return address;
  }

  /** The rest of what the host has is an empty frame; instances are somebody's data. */
  async #requireNoInstances(call: CallContext): Promise<void> {
    const { json } = await this.instances.list(call, { list: everything, type: '', view: 'instances' });
    const urls = JSON.parse(json.toString()) as string[];
    if (urls.length > 0) throw new LxdError('bad-request', 'This server has instances; a member keeps nothing of its own, so move or delete them before it joins');
  }

  async #ask(request: cluster.JoinCluster): Promise<Membership> {
    const { server_name, server_address, cluster_password: password, member_config } = request;
    const [own] = await this.members.list();
    const asked: cluster.AcceptMember = { server_name, server_address, password, architecture: own?.architecture ?? '', server_version: serverVersion, api_extensions: extensions.length, member_config };
    return postPinned<Membership>({ address: request.cluster_address, certificate: request.cluster_certificate }, acceptPath, asked).catch((error: unknown) => {
      throw error instanceof LxdError && error.kind === 'forbidden' ? new LxdError('forbidden', `Failed to setup cluster trust: ${error.message}`, { cause: error }) : error;
    });
  }

  /** On the host alone: the database that knows of it goes as a whole. */
  async #giveUp(call: CallContext): Promise<void> {
    const agent = this.agents.on(soleMember);
    const networks = JSON.parse((await this.networks.list(call, everything1)).json.toString()) as { name: string; type: string; managed: boolean; config: Record<string, string> }[];
    for (const { name, type, managed, config } of networks) if (managed) await agent.networks.remove(call, { project: 'default', name, type, config });
    const pools = JSON.parse((await this.pools.list(call, everything1)).json.toString()) as { name: string; driver: string; config: Record<string, string> }[];
    for (const { name, driver, config } of pools) await agent.storage.deletePool(call, { name, driver, config });
  }
}

const everything: common.ListRequest = { project: 'default', all_projects: true, recursion: 0, filter: '', visible_projects: [] };
const everything1: common.ListRequest = { ...everything, all_projects: false, recursion: 1 };
