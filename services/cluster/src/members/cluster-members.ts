import { Inject, Injectable } from '@nestjs/common';
import { soleMember } from '@asterism/agents';
import { document, requireMatch, withoutEmpty } from '@asterism/api';
import { invalidMemberConfig, memberKeys, serverKeys, valueOf } from '@asterism/config-keys';
import { Database, type Unit } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import { event, lifecycle } from '@asterism/events';
import type { cluster, common } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { RuntimeInfo } from '@asterism/service';
import { ConfigStore } from '../config/config.store.js';
import { GroupStore } from '../groups/group.store.js';
import { agentAddressOf } from '../joining/member-address.js';
import type { NodeFacts } from '../kubernetes/node-facts.js';
import type { HostEnvironment } from '../server/server-environment.js';
import { Attention, isOnline } from './attention.js';
import { Heartbeats } from './heartbeats.js';
import { memberEtag, memberObject, memberUrl, rolesOf } from './member-document.js';
import { MemberRoll } from './member-roll.js';
import { requireMemberName } from './member-name.js';
import { isClustered, MemberStore, type Beat, type MemberRow, type Seen } from './member.store.js';
import { MemberUse } from './member-use.js';

/** /1.0/cluster/members: who belongs to the cluster. */
@Injectable()
export class ClusterMembers {
  /** Starts and stops with the looks at members. */
  readonly attention = new Attention();
  readonly #heartbeats = new Heartbeats((beats) => this.#write(beats));
  /** For all who reach members. */
  readonly roll = new MemberRoll(async () => ({ members: await this.agents(), revoked: await this.store.revoked() }));

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(MemberStore) private readonly store: MemberStore,
    @Inject(ConfigStore) private readonly config: ConfigStore,
    @Inject(MemberUse) private readonly use: MemberUse,
    @Inject(RuntimeInfo) private readonly runtime: RuntimeInfo,
    @Inject(GroupStore) private readonly groups: GroupStore,
  ) {}

  async list({ recursion }: common.ListRequest): Promise<common.Document> {
    const rows = await this.store.listWithoutEnvironment();
    requireClustered(rows);
    if (recursion === 0) return document(rows.map((row) => memberUrl(row.name)));
    const online = await this.judge();
    return document(rows.map((row) => memberObject(row, online(row))));
  }

  async get(name: string): Promise<common.Document> {
    const row = await this.#load(name);
    return document(memberObject(row, (await this.judge())(row)), memberEtag(row));
  }

  async update(call: CallContext, change: cluster.MemberChange): Promise<void> {
    const row = await this.#load(change.name);
    requireMatch(change.if_match, memberEtag(row));
    const roles = new Set(rolesOf(row));
    for (const role of change.roles) {
      if (role !== 'database') throw new LxdError('internal', `Update roles: Invalid cluster role ${JSON.stringify(role)}`);
      if (!roles.delete(role)) throw new LxdError('bad-request', `The "${role}" role cannot be added at this time`);
    }
    for (const role of roles) throw new LxdError('bad-request', `The "${role}" role cannot be dropped at this time`);
    const config = change.config ? withoutEmpty(change.config.values) : row.config;
    const invalid = invalidMemberConfig(config);
    if (invalid !== undefined) throw new LxdError('internal', invalid);
    const groups = change.groups?.names ?? row.groups;
    if (groups.length === 0) throw new LxdError('bad-request', 'Cluster members need to belong to at least one group');
    if (change.failure_domain === '') throw new LxdError('internal', "Update failure domain: Failure domain name can't be empty");
    await this.database.transact(async (unit) => {
      await this.#requireGroups(groups);
      await this.store.update(unit, { name: row.name, failure_domain: change.failure_domain, description: change.description, config, groups });
      unit.emit(event('members.changed', { members: [row.name] }));
      unit.emit(memberEvent(call, 'cluster-member-updated', row.name));
    });
  }

  async rename(call: CallContext, { name, new_name }: cluster.MemberNaming): Promise<common.Created> {
    requireMemberName(new_name);
    await this.#load(name);
    await this.database.transact(async (unit) => {
      const rows = await this.store.lock(unit);
      if (rows.some((row) => row.name === new_name)) throw new LxdError('conflict', `A cluster member already exists with name "${new_name}"`);
      await this.renameIn(unit, name, new_name);
      unit.emit(memberEvent(call, 'cluster-member-renamed', new_name, { old_name: name }));
    });
    return { url: memberUrl(new_name) };
  }

  /** The operation that said it may repeat it, and is not told of again. */
  async setEvacuated(call: CallContext, change: cluster.MemberEvacuation): Promise<void> {
    const row = await this.#load(change.name);
    await this.database.transact(async (unit) => {
      const isChanged = await this.store.setEvacuated(unit, change);
      if (!isChanged && (change.takes_back || (await this.store.isStateSetBy(unit, change.name, change.by)))) return;
      if (!isChanged) throw new LxdError('bad-request', `Cluster member is already ${change.evacuated ? 'evacuated' : 'restored'}`);
      unit.emit(event('members.changed', { members: [row.name] }));
      unit.emit(memberEvent(call, 'cluster-member-updated', row.name));
    });
  }

  /** Every service that names members in its rows hears of it by the event. */
  async renameIn(unit: Unit, name: string, newName: string): Promise<void> {
    await this.store.rename(unit, name, newName);
    await this.config.rename(unit, name, newName);
    unit.emit(event('member.renamed', { from: name, to: newName }));
    unit.emit(event('members.changed', { members: [newName] }));
  }

  /** By force: what lay on the member is given up with it. */
  async remove(call: CallContext, { name, force }: cluster.MemberRemoval): Promise<void> {
    const row = await this.#load(name);
    if (!force) await this.use.requireEmpty(call, name);
    if ((await this.store.list()).length === 1) throw new LxdError('bad-request', 'Member is the only member in the cluster');
    if (row.has_control_plane) throw new LxdError('bad-request', `Member "${name}" has the control plane of the cluster and cannot be removed`);
    if (!force && !(await this.judge())(row)) throw new LxdError('bad-request', `Member "${name}" is offline: it can be removed by force`);
    await this.use.withdraw(call, name, force);
    await this.database.transact(async (unit) => {
      await this.store.delete(unit, name);
      await this.config.forget(unit, name);
      unit.emit(event('member.removed', { member: name }));
      unit.emit(event('members.changed', { members: [name] }));
      unit.emit(memberEvent(call, 'cluster-member-removed', name));
    });
  }

  /** An agent says that it is there. Alone, or among agents that hold certificates of the installation, whoever says so is a member; else it must have been accepted. */
  async register({ name, address, architecture, environment, accepted_only = false }: cluster.RegisterMember): Promise<Seen> {
    const member = { name, address, architecture, environment: JSON.parse(environment.toString()) as HostEnvironment };
    return (await this.#heartbeats.beat(member)) ?? (await this.#admit(member, accepted_only));
  }

  /** Whose keys of the configuration a member has that asks about itself: the rows know before anybody has heard of a change. */
  async ownerOf(member = ''): Promise<string> {
    const row = member === '' ? undefined : await this.store.find(member);
    return row && row.name !== soleMember ? row.name : '';
  }

  /** Where the agents are. */
  async agents(): Promise<cluster.Member[]> {
    const [rows, online] = await Promise.all([this.store.listWithoutEnvironment(), this.judge()]);
    return rows.map((row) => ({
      name: row.name,
      address: row.address === '' && row.has_control_plane && this.runtime.composition === 'standalone' ? agentAddressOf(row.server_address) : row.address,
      architecture: row.architecture,
      online: online(row),
      former_names: row.former_names,
      cordoned: row.cordoned,
      evacuated: row.evacuated,
      groups: row.groups,
      scheduler: valueOf(row.config, memberKeys.schedulerInstance),
      joined: row.joined,
    }));
  }

  /** What Kubernetes says of the nodes that members are on. */
  async follow(nodes: readonly NodeFacts[]): Promise<void> {
    await this.database.transact(async (unit) => {
      const members = await this.store.follow(unit, nodes);
      if (members.length > 0) unit.emit(event('members.changed', { members }));
    });
  }

  async #admit(member: Pick<MemberRow, 'name' | 'address' | 'architecture' | 'environment'>, acceptedOnly: boolean): Promise<Seen> {
    const rows = await this.store.list();
    if (acceptedOnly || (rows.length > 0 && this.runtime.composition === 'standalone')) throw new LxdError('forbidden', `"${member.name}" is no member of this cluster`);
    await this.database.transact(async (unit) => {
      await this.store.insert(unit, { ...member, server_address: member.address.replace(/:\d+$/, ':8443') });
      if (isClustered(rows)) unit.emit(event('members.changed', { members: [member.name] }));
    });
    if (isClustered(rows)) await this.use.expect(member.name);
    return (await this.#heartbeats.beat(member)) ?? { name: member.name, is_online: false };
  }

  /** Who is online by what is known now. */
  async judge(): Promise<(row: Pick<MemberRow, 'age' | 'is_online'>) => boolean> {
    const offlineAfterS = Number(valueOf(await this.config.load(), serverKeys.clusterOfflineThreshold));
    this.attention.look();
    return (row) => isOnline(row, offlineAfterS, this.attention);
  }

  async #write(beats: readonly Beat[]): Promise<(Seen | undefined)[]> {
    return this.attention.during(() => this.store.seen(beats));
  }

  async #requireGroups(groups: readonly string[]): Promise<void> {
    const known = (await this.groups.list()).map(({ name }) => name);
    if (groups.every((group) => known.includes(group))) return;
    throw new LxdError('not-found', 'Update cluster groups: Failed to add member to cluster group: Failed to get cluster group ID: Cluster group not found');
  }

  async #load(name: string): Promise<MemberRow> {
    requireClustered(await this.store.names());
    const row = await this.store.find(name);
    if (row?.name !== name) throw new LxdError('not-found', 'Cluster member not found');
    return row;
  }
}

function requireClustered(members: readonly Pick<MemberRow, 'name'>[]): void {
  if (!isClustered(members)) throw new LxdError('internal', 'Server is not clustered');
}

function memberEvent(call: CallContext, action: string, name: string, context?: Record<string, unknown>): ReturnType<typeof lifecycle> {
  return lifecycle({ action, source: memberUrl(name), project: 'default', requestor: call.requestor, ...(context ? { context } : {}) });
}
