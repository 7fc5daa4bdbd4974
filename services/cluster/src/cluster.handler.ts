import { Inject, Injectable } from '@nestjs/common';
import { document, requireMatch } from '@asterism/api';
import { serverKeys, valueOf } from '@asterism/config-keys';
import { Database } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import { event, lifecycle } from '@asterism/events';
import { common, type Cluster, type cluster } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { ConfigStore } from './config/config.store.js';
import { invalidListenAddress } from './config/listen-address.js';
import { changeConfig, changedKeys, renderConfig } from './config/server-config.js';
import { isPassword } from './config/trust-password.js';
import { MemberStore } from './members/member.store.js';
import { memberConfig } from './server/member-config.js';
import { ServerDocument } from './server/server-document.js';
import type { HostEnvironment } from './server/server-environment.js';
import { Surroundings } from './surroundings.js';

/** The service Cluster: the server's configuration, what it runs on, and its members. */
@Injectable()
export class ClusterHandler implements Cluster {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(ConfigStore) private readonly store: ConfigStore,
    @Inject(MemberStore) private readonly members: MemberStore,
    @Inject(ServerDocument) private readonly server: ServerDocument,
    @Inject(Surroundings) private readonly surroundings: Surroundings,
  ) {}

  async getServer(_call: CallContext, { target }: cluster.ServerRequest): Promise<common.Document> {
    this.surroundings.requireMember(target);
    return this.server.get();
  }

  async updateServer(call: CallContext, request: cluster.UpdateServerRequest): Promise<common.Empty> {
    const address = request.config[serverKeys.coreHttpsAddress.name];
    const unresolved = address ? await invalidListenAddress(address) : undefined;
    if (unresolved !== undefined) throw new LxdError('bad-request', `cannot set '${serverKeys.coreHttpsAddress.name}' to '${address}': ${unresolved}`);
    await this.database.transact(async (unit) => {
      const current = await this.store.lock(unit);
      requireMatch(request.if_match, renderConfig(current));
      const next = await changeConfig(current, request.config, request.mode === common.UpdateMode.MERGE);
      await this.store.replace(unit, next);
      unit.emit(event('config.changed', { keys: changedKeys(current, next) }));
      unit.emit(lifecycle({ action: 'config-updated', source: '/1.0', project: 'default', requestor: call.requestor }));
    });
    this.server.forget();
    return {};
  }

  async config(): Promise<cluster.ServerConfig> {
    return { config: await this.store.load() };
  }

  async verifyTrustPassword(_call: CallContext, { password }: cluster.TrustPassword): Promise<cluster.Verdict> {
    const stored = (await this.store.load())[serverKeys.coreTrustPassword.name];
    return { correct: stored !== undefined && (await isPassword(password, stored)) };
  }

  resources(call: CallContext, { target }: cluster.ServerRequest): Promise<common.Document> {
    return this.surroundings.resources(call, target);
  }

  async getCluster(call: CallContext): Promise<common.Document> {
    const answer = { server_name: '', enabled: false, member_config: memberConfig('storage-pool', await this.surroundings.pools(call)) };
    return document(answer, answer);
  }

  async register(_call: CallContext, request: cluster.RegisterMember): Promise<common.Empty> {
    const { name, address, architecture } = request;
    await this.members.upsert({ name, address, architecture, environment: JSON.parse(request.environment.toString()) as HostEnvironment });
    return {};
  }

  async listMembers(): Promise<cluster.Members> {
    const threshold = Number(valueOf(await this.store.load(), serverKeys.clusterOfflineThreshold));
    const members = (await this.members.list()).map(({ name, address, architecture, age }) => ({ name, address, architecture, online: age < threshold }));
    return { members };
  }
}
