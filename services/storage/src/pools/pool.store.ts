import { Inject, Injectable } from '@nestjs/common';
import { Database, type Unit } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import type { agentStorage } from '@asterism/proto';

type Config = Record<string, string>;

export interface PoolRow {
  id: string;
  name: string;
  driver: string;
  description: string;
  config: Config;
  ready: boolean;
  /** The process that is making it. */
  maker: string;
  /** Config that belongs to a member (source, size), by member. */
  members: Record<string, Config>;
  /** Of these, those that have the pool by now. */
  made_on: string[];
}

/** Of a thousand members a pool has a thousand configs: who asks about some is told of those. */
const selectOf = (concerned: string): string => `
  SELECT pool.id, pool.name, pool.driver, pool.description, pool.config, pool.ready, pool.maker,
         (SELECT coalesce(jsonb_object_agg(member.member, member.config), '{}') FROM storage.pool_members member WHERE member.pool_id = pool.id AND ${concerned}) AS members,
         ARRAY(SELECT member.member FROM storage.pool_members member WHERE member.pool_id = pool.id AND member.made AND ${concerned} ORDER BY member.member COLLATE "C") AS made_on
  FROM storage.pools pool`;

const select = selectOf('true');

/** Rows of storage.pools and storage.pool_members. */
@Injectable()
export class PoolStore {
  constructor(@Inject(Database) private readonly database: Database) {}

  all(): Promise<PoolRow[]> {
    return this.database.query(`${select} ORDER BY pool.name COLLATE "C"`);
  }

  /** As far as they concern one member. */
  allFor(member: string): Promise<PoolRow[]> {
    return this.database.query(`${selectOf('member.member = $1')} ORDER BY pool.name COLLATE "C"`, [member]);
  }

  /** As far as it concerns a member, if one is named, and those that have this volume. */
  async getFor(name: string, { project, type, name: volume, member = '' }: { project: string; type: string; name: string; member?: string }): Promise<PoolRow> {
    const concerned = 'member.member IN (SELECT $2 UNION ALL SELECT member FROM storage.volumes WHERE pool_id = pool.id AND project = $3 AND type = $4 AND name = $5)';
    const [row] = await this.database.query<PoolRow>(`${selectOf(concerned)} WHERE pool.name = $1`, [name, member, project, type, volume]);
    if (!row) throw new LxdError('not-found', 'Storage pool not found');
    return row;
  }

  async exists(name: string): Promise<boolean> {
    return (await this.database.query('SELECT 1 FROM storage.pools WHERE name = $1', [name])).length > 0;
  }

  named(names: readonly string[]): Promise<PoolRow[]> {
    return this.database.query(`${select} WHERE pool.name = ANY($1)`, [names]);
  }

  async find(name: string): Promise<PoolRow | undefined> {
    return (await this.database.query<PoolRow>(`${select} WHERE pool.name = $1`, [name]))[0];
  }

  async get(name: string): Promise<PoolRow> {
    const row = await this.find(name);
    if (!row) throw new LxdError('not-found', 'Storage pool not found');
    return row;
  }

  async byId(id: string): Promise<PoolRow> {
    const row = (await this.database.query<PoolRow>(`${select} WHERE pool.id = $1`, [id]))[0];
    if (!row) throw new LxdError('not-found', 'Storage pool not found');
    return row;
  }

  /** As it is, until the transaction ends. */
  async lock(unit: Unit, id: string): Promise<PoolRow | undefined> {
    await unit.query('SELECT 1 FROM storage.pools WHERE id = $1 FOR UPDATE', [id]);
    return (await unit.query<PoolRow>(`${select} WHERE pool.id = $1`, [id]))[0];
  }

  async lockNamed(unit: Unit, name: string): Promise<PoolRow | undefined> {
    await unit.query('SELECT 1 FROM storage.pools WHERE name = $1 FOR UPDATE', [name]);
    return (await unit.query<PoolRow>(`${select} WHERE pool.name = $1`, [name]))[0];
  }

  /** Pools in use that a member shall have and has not. */
  promised(member: string): Promise<PoolRow[]> {
    return this.database.query(
      `${selectOf('member.member = $1')} WHERE pool.ready AND EXISTS (SELECT 1 FROM storage.pool_members member WHERE member.pool_id = pool.id AND member.member = $1 AND NOT member.made)`,
      [member],
    );
  }

  /** Making it has begun. False where somebody else has. */
  async beginMaking(unit: Unit, row: Pick<PoolRow, 'id' | 'description' | 'config'> & { maker: string }): Promise<boolean> {
    const begun = await unit.query(`UPDATE storage.pools SET maker = $2, description = $3, config = $4 WHERE id = $1 AND NOT ready AND maker = '' RETURNING id`, [row.id, row.maker, row.description, row.config]);
    return begun.length === 1;
  }

  async setPending(unit: Unit, id: string): Promise<void> {
    await unit.query(`UPDATE storage.pools SET maker = '' WHERE id = $1`, [id]);
    await unit.query('UPDATE storage.pool_members SET made = false WHERE pool_id = $1', [id]);
  }

  async insert(unit: Unit, row: Pick<PoolRow, 'name' | 'driver' | 'description' | 'config'> & { maker: string }): Promise<string> {
    const rows = await unit.query<{ id: string }>(
      'INSERT INTO storage.pools (name, driver, description, config, maker) VALUES ($1, $2, $3, $4, $5) RETURNING id',
      [row.name, row.driver, row.description, row.config, row.maker],
    );
    return rows[0]!.id;
  }

  async setMember(unit: Unit, id: string, member: string, config: Config, { made } = { made: true }): Promise<void> {
    await unit.query(
      `INSERT INTO storage.pool_members (pool_id, member, config, made) VALUES ($1, $2, $3, $4)
       ON CONFLICT (pool_id, member) DO UPDATE SET config = excluded.config, made = excluded.made`,
      [id, member, config, made],
    );
  }

  async markReady(unit: Unit, id: string): Promise<void> {
    await unit.query(`UPDATE storage.pools SET ready = true, maker = '' WHERE id = $1`, [id]);
  }

  /** About to go, unless somebody turns out to use it: until then nobody new finds room in it. False where it is no pool in use already. */
  async leave(unit: Unit, id: string, maker: string): Promise<boolean> {
    return (await unit.query('UPDATE storage.pools SET ready = false, maker = $2 WHERE id = $1 AND ready RETURNING id', [id, maker])).length === 1;
  }

  async update(unit: Unit, row: Pick<PoolRow, 'id' | 'description' | 'config'>): Promise<void> {
    await unit.query('UPDATE storage.pools SET description = $2, config = $3 WHERE id = $1', [row.id, row.description, row.config]);
  }

  /** Fails while volumes other than images lie in it. */
  async delete(unit: Unit, id: string): Promise<void> {
    await unit.query(`DELETE FROM storage.volumes WHERE pool_id = $1 AND type = 'image'`, [id]);
    await unit.query('DELETE FROM storage.pools WHERE id = $1', [id]);
  }

  /** Pools on a member that an earlier process of the replica left half made. */
  unfinished(by: { replica: string; maker: string; member: string }): Promise<PoolRow[]> {
    return this.database.query(
      `${select} WHERE NOT pool.ready AND split_part(pool.maker, ' ', 1) = $1 AND pool.maker <> $2
         AND EXISTS (SELECT 1 FROM storage.pool_members member WHERE member.pool_id = pool.id AND member.member = $3)`,
      [by.replica, by.maker, by.member],
    );
  }
}

/** A pool as its agent on one member knows it. */
export function agentPool(row: PoolRow, member: string): agentStorage.Pool {
  return { name: row.name, driver: row.driver, config: { ...row.config, ...row.members[member] } };
}
