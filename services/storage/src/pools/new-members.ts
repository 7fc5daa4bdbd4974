import { Inject, Injectable, Logger } from '@nestjs/common';
import { Agents } from '@asterism/agents';
import { Database } from '@asterism/database';
import { EventBusToken, type EventBus } from '@asterism/events';
import type { storage } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { splitConfig } from './pool-rules.js';
import { agentPool, PoolStore, type PoolRow } from './pool.store.js';

const withinMs = 120_000;

/** A member that joins gets every pool of the cluster, with the config that it brings for it. */
@Injectable()
export class NewMembers {
  readonly #logger = new Logger('storage');

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(PoolStore) private readonly pools: PoolStore,
    @Inject(Agents) private readonly agents: Agents,
    @Inject(EventBusToken) private readonly bus: EventBus,
  ) {}

  async start(): Promise<void> {
    await this.bus.consume('storage.new-members', ['agent.ready'], (event) => this.equip(event.payload.member));
  }

  async expect({ member, keys }: storage.ExpectedMember): Promise<void> {
    await this.database.transact(async (unit) => {
      for (const pool of await this.pools.allFor(member)) {
        const own = keys.filter(({ name, value }) => name === pool.name && value !== '').map(({ key, value }) => [key, value] as const);
        await this.pools.setMember(unit, pool.id, member, splitConfig(Object.fromEntries(own)).member, { made: false });
      }
    });
  }

  /** Makes what was promised for the member; what cannot be made is said and tried again when it comes next. */
  async equip(member: string): Promise<void> {
    for (const pool of await this.pools.promised(member)) {
      await this.#make(pool, member).catch((error: unknown) => this.#logger.warn(`pool ${pool.name} was not made on ${member}: ${error instanceof Error ? error.message : String(error)}`));
    }
  }

  async #make(pool: PoolRow, member: string): Promise<void> {
    const made = await this.agents.on(member).storage.createPool(systemCall({ timeoutMs: withinMs }), agentPool(pool, member));
    await this.database.transact((unit) => this.pools.setMember(unit, pool.id, member, splitConfig(made.config).member));
  }
}
