import { document, requireMatch } from '@asterism/api';
import { Database, isUniqueViolation, type Unit } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import { event, lifecycle } from '@asterism/events';
import type { cluster, ClusterGroups, common } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import { isClustered, MemberStore } from '../members/member.store.js';
import { GroupStore, type GroupRow } from './group.store.js';

export const defaultGroup = 'default';

/** The service ClusterGroups, /1.0/cluster/groups: members under a name that instances can be sent to. */
@Injectable()
export class ClusterGroupsHandler implements ClusterGroups {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(GroupStore) private readonly groups: GroupStore,
    @Inject(MemberStore) private readonly members: MemberStore,
  ) {}

  async list(_call: CallContext, { recursion }: common.ListRequest): Promise<common.Document> {
    await this.#requireClustered();
    const rows = await this.groups.list();
    return document(recursion === 0 ? rows.map(({ name }) => groupUrl(name)) : rows.map(groupObject));
  }

  async get(_call: CallContext, { name }: common.ObjectRef): Promise<common.Document> {
    const row = await this.#load(name);
    return document(groupObject(row), groupEtag(row));
  }

  async create(call: CallContext, { name, description, members }: cluster.ClusterGroup): Promise<common.Created> {
    const known = await this.#requireClustered();
    requireGroupName(name);
    if (members.some((member) => !known.includes(member))) throw new LxdError('not-found', 'Failed to get node info: Cluster member not found');
    await this.#change(async (unit) => {
      await this.groups.insert(unit, name, description);
      await this.groups.setMembers(unit, name, members);
      unit.emit(groupEvent(call, 'cluster-group-created', name));
    }).catch((error: unknown) => {
      throw isUniqueViolation(error) ? new LxdError('internal', 'This cluster group already exists', { cause: error }) : error;
    });
    return { url: groupUrl(name) };
  }

  async update(call: CallContext, { name, description, members, if_match }: cluster.GroupChange): Promise<common.Empty> {
    const row = await this.#load(name);
    requireMatch(if_match, groupEtag(row));
    const known = await this.#requireClustered();
    if (members?.names.some((member) => !known.includes(member))) throw new LxdError('not-found', 'Failed to get node info: Cluster member not found');
    await this.#change(async (unit) => {
      if (description !== undefined) await this.groups.describe(unit, name, description);
      if (members) await this.groups.setMembers(unit, name, members.names);
      unit.emit(groupEvent(call, 'cluster-group-updated', name, { description: description ?? row.description, members: members?.names ?? row.members }));
    });
    return {};
  }

  async rename(call: CallContext, { name, new_name }: cluster.GroupNaming): Promise<common.Created> {
    await this.#requireClustered();
    if (name === defaultGroup) throw new LxdError('forbidden', 'The "default" group cannot be renamed');
    requireGroupName(new_name);
    if (await this.groups.find(new_name)) throw new LxdError('internal', `Name ${JSON.stringify(new_name)} already in use`);
    await this.#load(name);
    await this.#change(async (unit) => {
      await this.groups.rename(unit, name, new_name);
      unit.emit(groupEvent(call, 'cluster-group-renamed', new_name, { old_name: name }));
    });
    return { url: groupUrl(new_name) };
  }

  async delete(call: CallContext, { name }: common.ObjectRef): Promise<common.Empty> {
    if (name === defaultGroup) throw new LxdError('forbidden', "The 'default' cluster group cannot be deleted");
    const row = await this.#load(name);
    if (row.members.length > 0) throw new LxdError('internal', 'Only empty cluster groups can be removed');
    await this.#change(async (unit) => {
      await this.groups.delete(unit, name);
      unit.emit(groupEvent(call, 'cluster-group-deleted', name));
    });
    return {};
  }

  /** Whoever places instances hears of it. */
  async #change(work: (unit: Unit) => Promise<void>): Promise<void> {
    await this.database.transact(async (unit) => {
      const members = await this.members.lock(unit);
      await work(unit);
      unit.emit(event('members.changed', { members: members.map(({ name }) => name) }));
    });
  }

  async #load(name: string): Promise<GroupRow> {
    await this.#requireClustered();
    const row = await this.groups.find(name);
    if (!row) throw new LxdError('not-found', 'Cluster group not found');
    return row;
  }

  async #requireClustered(): Promise<string[]> {
    const members = await this.members.list();
    if (!isClustered(members)) throw new LxdError('bad-request', 'This server is not clustered');
    return members.map(({ name }) => name);
  }
}

function requireGroupName(name: string): void {
  if (name === '') throw new LxdError('bad-request', 'No name provided');
  if (name.includes('/')) throw new LxdError('bad-request', 'Cluster group names may not contain slashes');
  if (name.includes(' ')) throw new LxdError('bad-request', 'Cluster group names may not contain spaces');
  if (name.includes("'") || name.includes('"')) throw new LxdError('bad-request', 'Cluster group names may not contain quotes');
  if (name === '.' || name === '..') throw new LxdError('bad-request', `Invalid cluster group name ${JSON.stringify(name)}`);
}

function groupObject({ name, description, members }: GroupRow): object {
  return { description, members, name };
}

function groupEtag({ description, members }: GroupRow): object {
  return { description, members };
}

function groupUrl(name: string): string {
  return `/1.0/cluster/groups/${encodeURIComponent(name)}`;
}

function groupEvent(call: CallContext, action: string, name: string, context?: Record<string, unknown>): ReturnType<typeof lifecycle> {
  return lifecycle({ action, source: groupUrl(name), project: 'default', requestor: call.requestor, ...(context ? { context } : {}) });
}
