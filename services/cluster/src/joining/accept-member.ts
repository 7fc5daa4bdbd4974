import { X509Certificate } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { serverKeys } from '@asterism/config-keys';
import { Database, type Unit } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import { event, lifecycle } from '@asterism/events';
import { Token, type cluster, type StoragePools } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { extensions } from '@asterism/api';
import { ConfigStore } from '../config/config.store.js';
import { isPassword } from '../config/trust-password.js';
import { ClusterMembers } from '../members/cluster-members.js';
import { memberUrl } from '../members/member-document.js';
import { requireMemberName } from '../members/member-name.js';
import { isClustered, MemberStore } from '../members/member.store.js';
import { serverVersion } from '../server/server-environment.js';
import { Authority } from './authority.js';
import { secretHash } from './join-token.js';
import { JoinTokens } from './join-tokens.js';
import { agentAddressOf, canonicalAddress, isWildcard } from './member-address.js';

/** The cluster's side of a join: who proves that it may becomes a member, and learns how to reach the control plane. */
@Injectable()
export class AcceptMember {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(MemberStore) private readonly members: MemberStore,
    @Inject(ConfigStore) private readonly config: ConfigStore,
    @Inject(JoinTokens) private readonly tokens: JoinTokens,
    @Inject(Authority) private readonly authority: Authority,
    @Inject(Token.StoragePools) private readonly pools: StoragePools,
    @Inject(ClusterMembers) private readonly clusterMembers: ClusterMembers,
  ) {}

  async accept(call: CallContext, request: cluster.AcceptMember): Promise<cluster.AcceptedMember> {
    const name = request.server_name;
    const server_address = canonicalAddress(request.server_address);
    const isKnown = await this.#cameBy(request);
    if (!isKnown) await this.#admit(call, request);
    const credentials = await this.authority.issue(name, server_address);
    await this.database.transact(async (unit) => {
      if (!isKnown) await this.#insert(unit, call, request);
      await this.members.setFingerprint(unit, name, new X509Certificate(credentials.certificate).fingerprint256);
    });
    await this.pools.expectMember(call, { member: name, keys: request.member_config.filter(({ entity }) => entity === 'storage-pool') });
    return { name, agent_address: agentAddressOf(server_address), ...(await this.authority.reachedFrom(request.cluster_address ?? '')), ...credentials };
  }

  /** A server that was accepted and could not join. */
  async withdraw(call: CallContext, request: cluster.WithdrawMember): Promise<void> {
    if (await this.#cameBy(request)) await this.clusterMembers.remove(call, { name: request.server_name, force: true });
  }

  /** Whether the same joining made it a member before: a server that was killed asks again. */
  async #cameBy({ server_name, join = '' }: Pick<cluster.AcceptMember, 'server_name' | 'join'>): Promise<boolean> {
    return join !== '' && (await this.members.cameBy(server_name, secretHash(join)));
  }

  async #admit(call: CallContext, request: cluster.AcceptMember): Promise<void> {
    const present = await this.members.listWithoutEnvironment();
    if (!isClustered(present)) throw new LxdError('bad-request', 'This server is not clustered');
    await this.authority.require();
    requireMemberName(request.server_name);
    requireSameVersion(request);
    requireNew(present, request);
    if (!(await this.tokens.redeem(call, request.password, request.server_name))) await this.#requirePassword(request.password);
  }

  async #insert(unit: Unit, call: CallContext, request: cluster.AcceptMember): Promise<void> {
    const { server_name: name, architecture, join = '' } = request;
    const server_address = canonicalAddress(request.server_address);
    requireNew(await this.members.lock(unit), request);
    await this.members.insert(unit, { name, address: agentAddressOf(server_address), server_address, architecture });
    if (join !== '') await this.members.setJoin(unit, name, secretHash(join));
    await this.config.set(unit, name, serverKeys.clusterHttpsAddress.name, server_address);
    await this.config.set(unit, name, serverKeys.coreHttpsAddress.name, server_address);
    unit.emit(event('members.changed', { members: [name] }));
    unit.emit(lifecycle({ action: 'cluster-member-added', source: memberUrl(name), project: 'default', requestor: call.requestor }));
  }

  async #requirePassword(password: string): Promise<void> {
    const stored = (await this.config.load())[serverKeys.coreTrustPassword.name];
    if (stored === undefined || !(await isPassword(password, stored))) throw new LxdError('forbidden', 'not authorized');
  }
}

function requireSameVersion({ server_version, api_extensions }: cluster.AcceptMember): void {
  if (server_version === serverVersion && api_extensions === extensions.length) return;
  throw new LxdError('bad-request', `The joining server version doesn't match (expected ${serverVersion} with API count ${extensions.length})`);
}

function requireNew(present: readonly { name: string; server_address: string }[], { server_name, server_address }: cluster.AcceptMember): void {
  if (isWildcard(server_address)) throw new LxdError('bad-request', `Cannot use wildcard address ${JSON.stringify(server_address)} for a member`);
  if (present.some(({ name }) => name === server_name)) throw new LxdError('bad-request', `The cluster already has a member with name: ${server_name}`);
  const address = canonicalAddress(server_address);
  if (present.some((member) => member.server_address === address)) throw new LxdError('bad-request', `The cluster already has a member with address: ${address}`);
}
