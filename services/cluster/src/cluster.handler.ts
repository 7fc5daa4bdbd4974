import { Inject, Injectable } from '@nestjs/common';
import { document, requireMatch } from '@asterism/api';
import { serverKeys } from '@asterism/config-keys';
import { Database } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import { event, lifecycle } from '@asterism/events';
import { common, type Cluster, type cluster } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { ConfigStore } from './config/config.store.js';
import { invalidListenAddress } from './config/listen-address.js';
import { changeConfig, changedKeys, renderConfig } from './config/server-config.js';
import { isPassword } from './config/trust-password.js';
import { Joining } from './joining/joining.js';
import { ClusterMembers } from './members/cluster-members.js';
import { memberConfig } from './server/member-config.js';
import { Health } from './members/health.js';
import { ServerDocument } from './server/server-document.js';
import { Surroundings } from './surroundings.js';

/** The service Cluster: the server's configuration, what it runs on, and its members. */
@Injectable()
export class ClusterHandler implements Cluster {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(ConfigStore) private readonly store: ConfigStore,
    @Inject(ClusterMembers) private readonly members: ClusterMembers,
    @Inject(Joining) private readonly joining: Joining,
    @Inject(Health) private readonly health: Health,
    @Inject(ServerDocument) private readonly server: ServerDocument,
    @Inject(Surroundings) private readonly surroundings: Surroundings,
  ) {}

  async getServer(_call: CallContext, { target }: cluster.ServerRequest): Promise<common.Document> {
    return this.server.get(this.surroundings.member(target));
  }

  async updateServer(call: CallContext, request: cluster.UpdateServerRequest): Promise<common.Empty> {
    for (const { name } of [serverKeys.coreHttpsAddress, serverKeys.coreMetricsAddress]) {
      const address = request.config[name];
      const unresolved = address ? await invalidListenAddress(address) : undefined;
      if (unresolved !== undefined) throw new LxdError('bad-request', `cannot set '${name}' to '${address}': ${unresolved}`);
    }
    const owner = this.surroundings.owner(request.target ?? '');
    const member = this.surroundings.member(request.target ?? '');
    const current = await this.store.load(owner);
    const merge = request.mode === common.UpdateMode.MERGE;
    await this.surroundings.ownVolumes.require(call, member, { current, next: merge ? { ...current, ...request.config } : request.config });
    const changed = await this.#change(call, request, owner);
    await this.surroundings.ownVolumes.move(call, member, changed).catch(async (error: unknown) => {
      await this.database.transact(async (unit) => this.store.replace(unit, this.surroundings.ownVolumes.asBefore(await this.store.lock(unit, owner), changed.current), owner));
      throw error;
    });
    this.server.forget();
    return {};
  }

  async #change(call: CallContext, request: cluster.UpdateServerRequest, owner: string): Promise<{ current: Record<string, string>; next: Record<string, string> }> {
    return this.database.transact(async (unit) => {
      const current = await this.store.lock(unit, owner);
      requireMatch(request.if_match, renderConfig(current));
      const next = await changeConfig(current, request.config, request.mode === common.UpdateMode.MERGE);
      await this.store.replace(unit, next, owner);
      unit.emit(event('config.changed', { keys: changedKeys(current, next) }));
      unit.emit(lifecycle({ action: 'config-updated', source: '/1.0', project: 'default', requestor: call.requestor }));
      return { current, next };
    });
  }

  async config(_call: CallContext, { member }: cluster.ConfigRequest): Promise<cluster.ServerConfig> {
    return { config: await this.store.load(await this.members.ownerOf(member)) };
  }

  async verifyTrustPassword(_call: CallContext, { password }: cluster.TrustPassword): Promise<cluster.Verdict> {
    const stored = (await this.store.load())[serverKeys.coreTrustPassword.name];
    return { correct: stored !== undefined && (await isPassword(password, stored)) };
  }

  resources(call: CallContext, { target }: cluster.ServerRequest): Promise<common.Document> {
    return this.surroundings.resources(call, target);
  }

  async getCluster(call: CallContext, { member }: cluster.ConfigRequest): Promise<common.Document> {
    const server_name = this.surroundings.clusterName(member ?? '');
    const [pools, networks] = await Promise.all([this.surroundings.pools(call, server_name), this.surroundings.networks(call)]);
    const answer = { server_name, enabled: server_name !== '', member_config: [...memberConfig('storage-pool', pools), ...memberConfig('network', networks)] };
    return document(answer, answer);
  }

  enable(call: CallContext, request: cluster.EnableClustering): Promise<common.OperationAnswer> {
    return this.joining.enable.start(call, request);
  }

  join(call: CallContext, request: cluster.JoinCluster): Promise<common.OperationAnswer> {
    return this.joining.join.start(call, request);
  }

  accept(call: CallContext, request: cluster.AcceptMember): Promise<cluster.AcceptedMember> {
    return this.joining.acceptance.accept(call, request);
  }

  async withdraw(call: CallContext, request: cluster.WithdrawMember): Promise<common.Empty> {
    await this.joining.acceptance.withdraw(call, request);
    return {};
  }

  issueToken(call: CallContext, request: cluster.IssueJoinToken): Promise<common.OperationAnswer> {
    return this.joining.tokens.issue(call, request);
  }

  getControlPlane(): Promise<cluster.ControlPlane> {
    return this.joining.authority.controlPlane();
  }

  listClusterMembers(_call: CallContext, request: common.ListRequest): Promise<common.Document> {
    return this.members.list(request);
  }

  getMember(_call: CallContext, { name }: common.ObjectRef): Promise<common.Document> {
    return this.members.get(name);
  }

  async updateMember(call: CallContext, request: cluster.MemberChange): Promise<common.Empty> {
    await this.members.update(call, request);
    return {};
  }

  renameMember(call: CallContext, request: cluster.MemberNaming): Promise<common.Created> {
    return this.members.rename(call, request);
  }

  async removeMember(call: CallContext, request: cluster.MemberRemoval): Promise<common.Empty> {
    await this.members.remove(call, request);
    return {};
  }

  async setEvacuated(call: CallContext, request: cluster.MemberEvacuation): Promise<common.Empty> {
    await this.members.setEvacuated(call, request);
    return {};
  }

  async register(_call: CallContext, request: cluster.RegisterMember): Promise<cluster.Registered> {
    const { name, is_online } = await this.members.register(request);
    if (!is_online) await this.health.heard(name);
    return { name };
  }

  listMembers(_call: CallContext, { known }: cluster.MembersWish): Promise<cluster.Members> {
    return this.members.roll.call(known);
  }
}
