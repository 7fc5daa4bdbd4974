import { Inject, Injectable } from '@nestjs/common';
import { withoutEmpty } from '@asterism/api';
import { Database } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import type { storage } from '@asterism/proto';
import { Members } from './members.js';
import { splitConfig } from './pool-rules.js';
import { PoolStore, type PoolRow } from './pool.store.js';

/** In a cluster a pool is promised for each member first, each with config of its own, and then made on all. */
@Injectable()
export class PendingPools {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(PoolStore) private readonly pools: PoolStore,
    @Inject(Members) private readonly members: Members,
  ) {}

  /** The first half: one member's config. */
  async promise(request: storage.CreatePool): Promise<void> {
    const member = this.members.choose(request.target);
    const { pool, member: own } = splitConfig(withoutEmpty(request.config));
    const [foreign] = Object.keys(pool);
    if (foreign !== undefined) throw new LxdError('internal', `Config key "${foreign}" may not be used as member-specific key`);
    await this.database.transact(async (unit) => {
      const row = await this.pools.lockNamed(unit, request.name);
      if (row && (row.ready || row.maker !== '')) throw new LxdError('bad-request', 'Storage pool is not in pending state');
      if (row && row.driver !== request.driver) throw new LxdError('bad-request', 'Storage pool already exists with a different driver');
      if (row?.members[member]) throw new LxdError('bad-request', `The storage pool already defined on member "${member}"`);
      const id = row?.id ?? (await this.pools.insert(unit, { name: request.name, driver: request.driver, description: request.description, config: {}, maker: '' }));
      await this.pools.setMember(unit, id, member, own, { made: false });
    });
  }

  /** Whether pools are promised first: with one member there is nothing to promise. */
  concerns(present: PoolRow | undefined, target: string): boolean {
    return this.members.isClustered && (target !== '' || present !== undefined || this.members.names.length > 1);
  }

  /** The pool whose second half is asked for, when it is promised for every member. */
  require(row: PoolRow | undefined, request: storage.CreatePool): PoolRow {
    if (!row || Object.keys(row.members).length === 0) throw new LxdError('bad-request', 'Pool not pending on any node (use --target <node> first)');
    const missing = this.members.names.filter((member) => !row.members[member]);
    if (missing.length > 0) throw new LxdError('internal', `Pool not defined on nodes: ${missing.join(', ')}`);
    const [local] = Object.keys(splitConfig(request.config).member);
    if (local !== undefined) throw new LxdError('internal', `Config key "${local}" is cluster member specific`);
    if (request.driver !== '' && request.driver !== row.driver) throw new LxdError('bad-request', 'Storage pool already exists with a different driver');
    return row;
  }
}
