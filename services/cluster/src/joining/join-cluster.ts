import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { extensions } from '@asterism/api';
import { serverKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { cluster, common } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { RuntimeInfo, type Membership } from '@asterism/service';
import { defineTask, Tasks, type TaskDefinition } from '@asterism/tasks';
import { ConfigStore } from '../config/config.store.js';
import { requireMemberName } from '../members/member-name.js';
import { isClustered, MemberStore } from '../members/member.store.js';
import { serverVersion } from '../server/server-environment.js';
import { HostContents } from './host-contents.js';
import { newSecret } from './join-token.js';
import { canonicalAddress, isWildcard } from './member-address.js';
import { postPinned } from './pinned-request.js';

export const acceptPath = '/internal/cluster/accept';
const withdrawPath = '/internal/cluster/withdraw';
/** A cluster that is away all the while keeps a member that never came: it is offline there and can be removed by force. */
const withdrawAttempts = 5;
const withdrawAgainMs = 1_000;

/** With a secret of this joining, under which it may be asked for again. */
type Join = cluster.JoinCluster & { join: string };

interface Joined {
  membership?: Membership;
}

/** The joining server's side: it asks to be accepted, gives up what it has, and from then on serves the cluster's control plane. */
@Injectable()
export class JoinCluster {
  readonly #task: TaskDefinition<Join, Joined>;

  constructor(
    @Inject(Tasks) private readonly tasks: Tasks,
    @Inject(MemberStore) private readonly members: MemberStore,
    @Inject(ConfigStore) private readonly config: ConfigStore,
    @Inject(RuntimeInfo) private readonly runtime: RuntimeInfo,
    @Inject(HostContents) private readonly contents: HostContents,
  ) {
    this.#task = defineTask<Join, Joined>({
      kind: 'cluster.join',
      initial: () => ({}),
      steps: [
        {
          name: 'the cluster accepts',
          run: async ({ input, state }) => void (state.membership = await this.#ask(input)),
          undo: ({ input, state }) => this.#withdraw(input, state.membership ? withdrawAttempts : 1),
        },
        { name: 'what the host had goes', run: ({ call }) => this.contents.giveUp(call), undo: ({ call }) => this.contents.bringBack(call) },
        {
          name: 'the host serves the cluster',
          // Cleared once more, since a start in between has brought up again what its rows tell of.
          run: async ({ call, state }) => this.runtime.become?.(state.membership!, () => this.contents.giveUp(call)),
        },
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
    await this.contents.requireNoInstances(call);
    const input = { ...request, server_address, join: newSecret() };
    return this.tasks.open(call, this.#task, { input, operation: { description: 'Joining cluster', project: 'default', resources: { cluster: [] } } });
  }

  async #address({ server_address }: cluster.JoinCluster): Promise<string> {
    const config = await this.config.load();
    const address = server_address || (config[serverKeys.clusterHttpsAddress.name] ?? '') || (config[serverKeys.coreHttpsAddress.name] ?? '');
    if (address === '') throw new LxdError('bad-request', 'No core.https_address config key is set on this member');
    if (isWildcard(address)) throw new LxdError('bad-request', `Cannot use wildcard core.https_address ${JSON.stringify(address)} for cluster.https_address. Please specify a new cluster.https_address or core.https_address`);
    return address;
  }

  async #ask(request: Join): Promise<Membership> {
    const { server_name, server_address, cluster_address, cluster_password: password, member_config, join } = request;
    const [own] = await this.members.list();
    const asked: cluster.AcceptMember = { server_name, server_address, password, architecture: own?.architecture ?? '', server_version: serverVersion, api_extensions: extensions.length, member_config, join, cluster_address };
    return postPinned<Membership>({ address: request.cluster_address, certificate: request.cluster_certificate }, acceptPath, asked).catch((error: unknown) => {
      throw error instanceof LxdError && error.kind === 'forbidden' ? new LxdError('forbidden', `Failed to setup cluster trust: ${error.message}`, { cause: error }) : error;
    });
  }

  async #withdraw({ server_name, join, cluster_address: address, cluster_certificate: certificate }: Join, attempts: number): Promise<void> {
    for (let attempt = 1; attempt <= attempts; attempt++) {
      if (attempt > 1) await sleep(withdrawAgainMs);
      const told = await postPinned({ address, certificate }, withdrawPath, { server_name, join }).then(() => true, () => false);
      if (told) return;
    }
  }
}
