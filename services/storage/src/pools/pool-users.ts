import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@asterism/database';
import { Token, type Instances, type Profiles } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { userUrl } from '../volumes/volume-urls.js';

interface Content {
  pool: string;
  project: string;
  type: string;
  name: string;
}

/** What uses a pool: everything that lies in it, and profiles that name it. */
@Injectable()
export class PoolUsers {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(Token.Profiles) private readonly profiles: Profiles,
    @Inject(Token.Instances) private readonly instances: Instances,
  ) {}

  async usedBy(call: CallContext, pools: readonly string[]): Promise<Map<string, string[]>> {
    const [content, { by_key }] = await Promise.all([this.#content(pools), this.profiles.usedBy(call, { option: 'pool', values: [...pools] })]);
    const users = new Map(pools.map((pool) => [pool, [...(by_key[pool]?.urls ?? [])]]));
    for (const row of content) users.get(row.pool)?.push(userUrl(row));
    for (const urls of users.values()) urls.sort();
    return users;
  }

  /** The same without the cached images, which go with the pool, and with what is only being made. */
  async isInUse(call: CallContext, pool: string): Promise<boolean> {
    const [users, instances, volumes] = await Promise.all([
      this.usedBy(call, [pool]),
      this.instances.usedBy(call, { kind: 'pool', project: '', names: [pool] }),
      this.database.query(`SELECT 1 FROM storage.volumes volume JOIN storage.pools pool ON pool.id = volume.pool_id WHERE pool.name = $1 AND volume.type <> 'image' LIMIT 1`, [pool]),
    ]);
    const urls = [...(users.get(pool) ?? []), ...(instances.by_key[pool]?.urls ?? [])];
    return volumes.length > 0 || urls.some((url) => !url.startsWith('/1.0/images/'));
  }

  #content(pools: readonly string[]): Promise<Content[]> {
    return this.database.query(
      `SELECT pool.name AS pool, volume.project, volume.type, content.name
       FROM storage.pools pool
       JOIN storage.volumes volume ON volume.pool_id = pool.id AND volume.ready
       CROSS JOIN LATERAL (
         SELECT volume.name
         UNION ALL SELECT volume.name || '/' || snapshot.name FROM storage.snapshots snapshot WHERE snapshot.volume_id = volume.id AND snapshot.ready
       ) content
       WHERE pool.name = ANY($1)`,
      [pools],
    );
  }
}
