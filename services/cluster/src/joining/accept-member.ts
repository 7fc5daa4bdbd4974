import { X509Certificate } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { serverKeys } from '@asterism/config-keys';
import { Database } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import { event, lifecycle } from '@asterism/events';
import { Token, type cluster, type StoragePools } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { extensions } from '@asterism/api';
import { ConfigStore } from '../config/config.store.js';
import { isPassword } from '../config/trust-password.js';
import { memberUrl } from '../members/member-document.js';
import { requireMemberName } from '../members/member-name.js';
import { isClustered, MemberStore } from '../members/member.store.js';
import { serverVersion } from '../server/server-environment.js';
import { Authority } from './authority.js';
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
  ) {}

  async accept(call: CallContext, request: cluster.AcceptMember): Promise<cluster.AcceptedMember> {
    const present = await this.members.list();
    if (!isClustered(present)) throw new LxdError('bad-request', 'This server is not clustered');
    requireMemberName(request.server_name);
    requireSameVersion(request);
    requireNew(present, request);
    if (!(await this.tokens.redeem(call, request.password, request.server_name))) await this.#requirePassword(request.password);
    const server_address = canonicalAddress(request.server_address);
    const name = request.server_name;
    const agentAddress = agentAddressOf(server_address);
    const credentials = await this.authority.issue(name, server_address);
    await this.database.transact(async (unit) => {
      requireNew(await this.members.lock(unit), request);
      await this.members.insert(unit, { name, address: agentAddress, server_address, architecture: request.architecture });
      await this.members.setFingerprint(unit, name, new X509Certificate(credentials.certificate).fingerprint256);
      await this.config.set(unit, name, serverKeys.clusterHttpsAddress.name, server_address);
      await this.config.set(unit, name, serverKeys.coreHttpsAddress.name, server_address);
      unit.emit(event('members.changed', { members: [name] }));
      unit.emit(lifecycle({ action: 'cluster-member-added', source: memberUrl(name), project: 'default', requestor: call.requestor }));
    });
    await this.pools.expectMember(call, { member: name, keys: request.member_config.filter(({ entity }) => entity === 'storage-pool') });
    const { address } = await this.authority.controlPlane();
    return { name, control_address: address, agent_address: agentAddress, ...credentials };
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
