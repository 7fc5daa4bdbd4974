import { Inject, Injectable } from '@nestjs/common';
import { Agents } from '@asterism/agents';
import { Database } from '@asterism/database';
import { systemCall } from '@asterism/rpc';
import { Members } from './pools/members.js';
import { agentPool, PoolStore } from './pools/pool.store.js';
import { agentVolume, diskName } from './volumes/volume-rules.js';
import { VolumeStore, type VolumeRow } from './volumes/volume.store.js';

/** At start: what this replica was making when it died goes, what it was renaming gets its new name. */
@Injectable()
export class Unfinished {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(PoolStore) private readonly pools: PoolStore,
    @Inject(VolumeStore) private readonly volumes: VolumeStore,
    @Inject(Agents) private readonly agents: Agents,
    @Inject(Members) private readonly members: Members,
  ) {}

  async settle(): Promise<void> {
    for (const pool of await this.pools.unfinished(this.members.replica)) {
      for (const member of this.agents.members()) await this.agents.on(member).storage.deletePool(systemCall(), agentPool(pool, member));
      await this.database.transact((unit) => this.pools.delete(unit, pool.id));
    }
    for (const volume of await this.volumes.unfinished(this.members.replica)) await this.#settleVolume(volume);
  }

  async #settleVolume(volume: VolumeRow): Promise<void> {
    const agent = this.agents.on(volume.member).storage;
    const onMember = agentVolume(await this.pools.byId(volume.pool_id), volume);
    if (volume.new_name !== '') {
      await agent.renameVolume(systemCall(), { volume: onMember, new_name: diskName({ ...volume, name: volume.new_name }) });
      await this.database.transact((unit) => this.volumes.rename(unit, volume.id, volume.new_name));
    } else {
      await agent.deleteVolume(systemCall(), onMember);
      await this.database.transact((unit) => this.volumes.delete(unit, volume.id));
    }
  }
}
