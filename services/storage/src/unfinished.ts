import { Inject, Injectable, Logger } from '@nestjs/common';
import { Agents } from '@asterism/agents';
import { Database } from '@asterism/database';
import { EventBusToken, type EventBus } from '@asterism/events';
import { systemCall } from '@asterism/rpc';
import { Members } from './pools/members.js';
import { PoolUsers } from './pools/pool-users.js';
import { agentPool, type PoolRow } from './pools/pool.store.js';
import { agentVolume, diskName } from './volumes/volume-rules.js';
import { VolumeFollowers } from './volumes/volume-followers.js';
import { VolumeScope } from './volumes/volume-scope.js';
import type { VolumeRow } from './volumes/volume.store.js';

/** When a member is there: what an earlier process was making on it when it died goes, what it was renaming gets its new name. */
@Injectable()
export class Unfinished {
  readonly #logger = new Logger('storage');

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(VolumeScope) private readonly scope: VolumeScope,
    @Inject(Agents) private readonly agents: Agents,
    @Inject(Members) private readonly members: Members,
    @Inject(VolumeFollowers) private readonly followers: VolumeFollowers,
    @Inject(EventBusToken) private readonly bus: EventBus,
    @Inject(PoolUsers) private readonly users: PoolUsers,
  ) {}

  async start(): Promise<void> {
    await this.bus.consume('storage.unfinished', ['agent.ready'], (event) => this.settle(event.payload.member));
  }

  async settle(member: string): Promise<void> {
    const by = { replica: this.members.replica, maker: this.members.maker, member };
    for (const volume of await this.scope.volumes.unfinished(by)) await this.#tried(`volume ${volume.name}`, () => this.#settleVolume(volume));
    await this.#tried('users of moved volumes', () => this.followers.tell());
    for (const pool of await this.scope.pools.unfinished(by)) await this.#tried(`pool ${pool.name}`, () => this.#settlePool(pool, member));
  }

  async #tried(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#logger.warn(`${what} is left unfinished: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** Half made, or about to go when the process died: one that is used stays. */
  async #settlePool(pool: PoolRow, member: string): Promise<void> {
    if (await this.users.isInUse(systemCall(), pool.name)) return this.database.transact((unit) => this.scope.pools.markReady(unit, pool.id));
    await this.agents.on(member).storage.deletePool(systemCall(), agentPool(pool, member));
    await this.database.transact((unit) => this.scope.pools.delete(unit, pool.id));
  }

  async #settleVolume(volume: VolumeRow): Promise<void> {
    const agent = this.agents.on(volume.member).storage;
    const onMember = agentVolume(await this.scope.pools.byId(volume.pool_id), volume);
    if (volume.new_name !== '') {
      await agent.renameVolume(systemCall(), { volume: onMember, new_name: diskName({ ...volume, name: volume.new_name }) });
      await this.database.transact((unit) => this.scope.volumes.rename(unit, volume.id, volume.new_name));
    } else {
      await agent.deleteVolume(systemCall(), onMember);
      await this.database.transact((unit) => this.scope.volumes.delete(unit, volume.id));
    }
  }
}
