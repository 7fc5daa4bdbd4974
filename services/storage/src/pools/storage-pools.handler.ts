import { Inject, Injectable } from '@nestjs/common';
import { Agents, soleMember } from '@asterism/agents';
import { document, requireMatch, requireUnchanged, untilUnchanged, withoutEmpty } from '@asterism/api';
import { Database, isUniqueViolation, type Unit } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import { lifecycle } from '@asterism/events';
import { common, type StoragePools, type storage } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { defaultProject } from '../volumes/volume-urls.js';
import { Members } from './members.js';
import { NewMembers } from './new-members.js';
import { PendingPools } from './pending-pools.js';
import { poolEtag, poolObject, poolUrl, shownConfig } from './pool-document.js';
import { requirePoolName, requireSameSource, requireValidChange, requireValidPool, splitConfig } from './pool-rules.js';
import { PoolUsers } from './pool-users.js';
import { agentPool, PoolStore, type PoolRow } from './pool.store.js';

/** The service StoragePools. */
@Injectable()
export class StoragePoolsHandler implements StoragePools {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(PoolStore) private readonly pools: PoolStore,
    @Inject(PoolUsers) private readonly users: PoolUsers,
    @Inject(Agents) private readonly agents: Agents,
    @Inject(Members) private readonly members: Members,
    @Inject(PendingPools) private readonly pending: PendingPools,
    @Inject(NewMembers) private readonly newMembers: NewMembers,
  ) {}

  async list(call: CallContext, request: common.ListRequest): Promise<common.Document> {
    const rows = await this.pools.all();
    if (request.recursion === 0) return document(rows.map((row) => poolUrl(row.name)));
    const usedBy = await this.users.usedBy(call, rows.map((row) => row.name));
    return document(rows.map((row) => poolObject(row, usedBy.get(row.name) ?? [])));
  }

  async get(call: CallContext, request: storage.PoolRef): Promise<common.Document> {
    const row = await this.pools.get(request.name);
    const member = this.members.require(request.target ?? '');
    const usedBy = await this.users.usedBy(call, [row.name]);
    return document(poolObject(row, usedBy.get(row.name) ?? [], member), poolEtag(row, member));
  }

  async create(call: CallContext, request: storage.CreatePool): Promise<common.Created> {
    requirePoolName(request);
    const present = await this.pools.find(request.name);
    if (present?.ready || (present && !this.members.isClustered)) throw poolExists();
    requireValidPool(request);
    if (!this.pending.concerns(present, request.target)) await this.#createAlone(call, request);
    else if (request.target !== '') await this.pending.promise(request);
    else await this.#createOnAll(call, this.pending.require(present, request), request);
    return { url: poolUrl(request.name) };
  }

  async #createAlone(call: CallContext, request: storage.CreatePool): Promise<void> {
    const { pool, member } = splitConfig(withoutEmpty(request.config));
    const target = this.members.choose(request.target);
    const id = await this.#reserve({ name: request.name, driver: request.driver, description: request.description, config: pool, members: { [target]: member } });
    try {
      const made = await this.agents.on(target).storage.createPool(call, { name: request.name, driver: request.driver, config: { ...pool, ...member } });
      await this.#made(call, { id, name: request.name }, { [target]: splitConfig(made.config).member });
    } catch (error) {
      await this.database.transact((unit) => this.pools.delete(unit, id));
      throw error;
    }
  }

  /** The second half of a pool in a cluster: as it was promised for each member. */
  async #createOnAll(call: CallContext, pending: PoolRow, request: storage.CreatePool): Promise<void> {
    const { pool: config } = splitConfig(withoutEmpty(request.config));
    const row = { ...pending, config, description: request.description || pending.description };
    if (!(await this.database.transact((unit) => this.pools.beginMaking(unit, { ...row, maker: this.members.maker })))) throw poolExists();
    const made: Record<string, Record<string, string>> = {};
    try {
      for (const member of Object.keys(row.members)) made[member] = splitConfig((await this.agents.on(member).storage.createPool(call, agentPool(row, member))).config).member;
      await this.#made(call, row, made);
    } catch (error) {
      for (const member of Object.keys(made)) await this.agents.on(member).storage.deletePool(call, agentPool({ ...row, members: made }, member)).catch(() => undefined);
      await this.database.transact((unit) => this.pools.setPending(unit, row.id));
      throw error;
    }
  }

  async #made(call: CallContext, { id, name }: Pick<PoolRow, 'id' | 'name'>, members: PoolRow['members']): Promise<void> {
    await this.database.transact(async (unit) => {
      for (const [member, config] of Object.entries(members)) await this.pools.setMember(unit, id, member, config);
      await this.pools.markReady(unit, id);
      unit.emit(poolEvent(call, 'storage-pool-created', name));
    });
  }

  async expectMember(_call: CallContext, request: storage.ExpectedMember): Promise<common.Empty> {
    await this.newMembers.expect(request);
    return {};
  }

  async withdrawMember(call: CallContext, { member }: storage.LeavingMember): Promise<common.Empty> {
    for (const row of await this.pools.all()) if (row.made_on.includes(member)) await this.agents.on(member).storage.deletePool(call, agentPool(row, member));
    return {};
  }

  async update(call: CallContext, request: storage.UpdatePool): Promise<common.Empty> {
    await untilUnchanged(() => this.#update(call, request));
    return {};
  }

  async #update(call: CallContext, request: storage.UpdatePool): Promise<void> {
    const row = await this.pools.get(request.name);
    const target = this.members.require(request.target ?? '');
    requireMatch(request.if_match, poolEtag(row, target));
    const merge = request.mode === common.UpdateMode.MERGE;
    const config = withoutEmpty(merge ? { ...shownConfig(row, target), ...request.config } : request.config);
    requireValidChange(row.driver, config);
    requireSameSource(shownConfig(row, target), config);
    const next = { ...row, config: splitConfig(config).pool, description: request.description ?? '' }; // also by PATCH: LXD forgets it
    const [first = ''] = Object.keys(row.members);
    const concerned = target !== '' ? [target] : Object.keys(row.members);
    if (target !== '' || first === soleMember) next.members = { ...row.members, [target || first]: splitConfig(config).member };
    for (const member of concerned) await this.agents.on(member).storage.updatePool(call, agentPool(next, member));
    await this.database.transact(async (unit) => {
      const current = await this.pools.lock(unit, row.id);
      if (!current) throw new LxdError('not-found', 'Storage pool not found');
      requireUnchanged(poolEtag(row, target), poolEtag(current, target));
      await this.pools.update(unit, next);
      for (const member of concerned) await this.pools.setMember(unit, row.id, member, next.members[member] ?? {});
      unit.emit(poolEvent(call, 'storage-pool-updated', row.name));
    });
  }

  async delete(call: CallContext, request: storage.PoolRef): Promise<common.Empty> {
    const row = await this.pools.get(request.name);
    if (await this.users.isInUse(call, row.name)) throw poolInUse();
    if (!row.ready && row.maker === '' && row.made_on.length === 0) return this.#forget(call, row);
    if (!(await this.database.transact((unit) => this.pools.leave(unit, row.id, this.members.maker)))) throw poolInUse();
    try {
      // Again: whoever came before the mark is found, whoever comes after it is refused.
      if (await this.users.isInUse(call, row.name)) throw poolInUse();
      for (const member of row.made_on) await this.agents.on(member).storage.deletePool(call, agentPool(row, member));
    } catch (error) {
      await this.database.transact((unit) => this.pools.markReady(unit, row.id));
      throw error;
    }
    return this.#forget(call, row);
  }

  async #forget(call: CallContext, row: PoolRow): Promise<common.Empty> {
    await this.database.transact(async (unit) => {
      await this.pools.delete(unit, row.id);
      unit.emit(poolEvent(call, 'storage-pool-deleted', row.name));
    });
    return {};
  }

  async resources(call: CallContext, request: storage.PoolRef): Promise<common.Document> {
    const row = await this.pools.find(request.name);
    if (!row) throw new LxdError('internal', 'Storage pool not found');
    const member = this.members.require(request.target ?? '') || (row.made_on[0] ?? '');
    const usage = await this.agents.on(member).storage.getPoolUsage(call, agentPool(row, member));
    return document({
      space: { used: usage.space_used_bytes, total: usage.space_total_bytes },
      inodes: { used: usage.inodes_used, total: usage.inodes_total },
    });
  }

  async lookup(_call: CallContext, request: common.Names): Promise<storage.PoolFacts> {
    const rows = await this.pools.named(request.names);
    return { by_name: Object.fromEntries(rows.filter((row) => row.ready).map((row) => [row.name, { driver: row.driver, config: shownConfig(row), members: row.made_on }])) };
  }

  async #reserve(pool: Omit<PoolRow, 'id' | 'ready' | 'maker' | 'made_on'>): Promise<string> {
    try {
      return await this.database.transact(async (unit: Unit) => {
        const id = await this.pools.insert(unit, { ...pool, maker: this.members.maker });
        for (const [member, config] of Object.entries(pool.members)) await this.pools.setMember(unit, id, member, config);
        return id;
      });
    } catch (error) {
      if (isUniqueViolation(error)) throw poolExists();
      throw error;
    }
  }
}

function poolInUse(): LxdError {
  return new LxdError('bad-request', 'The storage pool is currently in use');
}

function poolExists(): LxdError {
  return new LxdError('conflict', 'The storage pool already exists: The record already exists');
}

function poolEvent(call: CallContext, action: string, pool: string): ReturnType<typeof lifecycle> {
  return lifecycle({ action, source: poolUrl(pool), project: defaultProject, requestor: call.requestor });
}
