import { Inject, Injectable } from '@nestjs/common';
import { Agents } from '@asterism/agents';
import { document, requireMatch, requireUnchanged, untilUnchanged, withoutEmpty } from '@asterism/api';
import { Database, isUniqueViolation, type Unit } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import { lifecycle } from '@asterism/events';
import { common, type StoragePools, type storage } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { defaultProject } from '../volumes/volume-urls.js';
import { Members } from './members.js';
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
  ) {}

  async list(call: CallContext, request: common.ListRequest): Promise<common.Document> {
    const rows = await this.pools.all();
    if (request.recursion === 0) return document(rows.map((row) => poolUrl(row.name)));
    const usedBy = await this.users.usedBy(call, rows.map((row) => row.name));
    return document(rows.map((row) => poolObject(row, usedBy.get(row.name) ?? [])));
  }

  async get(call: CallContext, request: storage.PoolRef): Promise<common.Document> {
    const row = await this.pools.get(request.name);
    const usedBy = await this.users.usedBy(call, [row.name]);
    return document(poolObject(row, usedBy.get(row.name) ?? []), poolEtag(row));
  }

  async create(call: CallContext, request: storage.CreatePool): Promise<common.Created> {
    requirePoolName(request);
    if (await this.pools.find(request.name)) throw poolExists();
    requireValidPool(request);
    const { pool, member } = splitConfig(withoutEmpty(request.config));
    const target = this.members.choose(request.target);
    const id = await this.#reserve({ name: request.name, driver: request.driver, description: request.description, config: pool, members: { [target]: member } });
    try {
      const made = await this.agents.on(target).storage.createPool(call, { name: request.name, driver: request.driver, config: { ...pool, ...member } });
      await this.database.transact(async (unit) => {
        await this.pools.setMember(unit, id, target, splitConfig(made.config).member);
        await this.pools.markReady(unit, id);
        unit.emit(poolEvent(call, 'storage-pool-created', request.name));
      });
    } catch (error) {
      await this.database.transact((unit) => this.pools.delete(unit, id));
      throw error;
    }
    return { url: poolUrl(request.name) };
  }

  async update(call: CallContext, request: storage.UpdatePool): Promise<common.Empty> {
    await untilUnchanged(() => this.#update(call, request));
    return {};
  }

  async #update(call: CallContext, request: storage.UpdatePool): Promise<void> {
    const row = await this.pools.get(request.name);
    requireMatch(request.if_match, poolEtag(row));
    const merge = request.mode === common.UpdateMode.MERGE;
    const config = withoutEmpty(merge ? { ...shownConfig(row), ...request.config } : request.config);
    requireValidChange(row.driver, config);
    requireSameSource(shownConfig(row), config);
    const next = { ...row, config: splitConfig(config).pool, description: request.description ?? '' }; // also by PATCH: LXD forgets it
    const [member = ''] = Object.keys(row.members);
    next.members = { [member]: splitConfig(config).member };
    await this.agents.on(member).storage.updatePool(call, agentPool(next, member));
    await this.database.transact(async (unit) => {
      const current = await this.pools.lock(unit, row.id);
      if (!current) throw new LxdError('not-found', 'Storage pool not found');
      requireUnchanged(poolEtag(row), poolEtag(current));
      await this.pools.update(unit, next);
      await this.pools.setMember(unit, row.id, member, next.members[member] ?? {});
      unit.emit(poolEvent(call, 'storage-pool-updated', row.name));
    });
  }

  async delete(call: CallContext, request: storage.PoolRef): Promise<common.Empty> {
    const row = await this.pools.get(request.name);
    if (await this.users.isInUse(call, row.name)) throw poolInUse();
    if (!(await this.database.transact((unit) => this.pools.leave(unit, row.id, this.members.maker)))) throw poolInUse();
    try {
      // Again: whoever came before the mark is found, whoever comes after it is refused.
      if (await this.users.isInUse(call, row.name)) throw poolInUse();
      for (const member of Object.keys(row.members)) await this.agents.on(member).storage.deletePool(call, agentPool(row, member));
    } catch (error) {
      await this.database.transact((unit) => this.pools.markReady(unit, row.id));
      throw error;
    }
    await this.database.transact(async (unit) => {
      await this.pools.delete(unit, row.id);
      unit.emit(poolEvent(call, 'storage-pool-deleted', row.name));
    });
    return {};
  }

  async resources(call: CallContext, request: storage.PoolRef): Promise<common.Document> {
    const row = await this.pools.find(request.name);
    if (!row) throw new LxdError('internal', 'Storage pool not found');
    const [member = ''] = Object.keys(row.members);
    const usage = await this.agents.on(member).storage.getPoolUsage(call, agentPool(row, member));
    return document({
      space: { used: usage.space_used_bytes, total: usage.space_total_bytes },
      inodes: { used: usage.inodes_used, total: usage.inodes_total },
    });
  }

  async lookup(_call: CallContext, request: common.Names): Promise<storage.PoolFacts> {
    const rows = await this.pools.named(request.names);
    return { by_name: Object.fromEntries(rows.filter((row) => row.ready).map((row) => [row.name, { driver: row.driver, config: shownConfig(row) }])) };
  }

  async #reserve(pool: Omit<PoolRow, 'id' | 'ready'>): Promise<string> {
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
