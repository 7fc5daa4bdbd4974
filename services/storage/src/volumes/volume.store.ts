import { Inject, Injectable } from '@nestjs/common';
import { Database, type Unit } from '@asterism/database';
import { LxdError } from '@asterism/errors';

type Config = Record<string, string>;

export interface VolumeRow {
  id: string;
  pool_id: string;
  /** The pool's name. */
  pool: string;
  member: string;
  project: string;
  type: string;
  name: string;
  description: string;
  content_type: string;
  config: Config;
  ready: boolean;
  new_name: string;
}

export interface VolumeKey {
  pool_id: string;
  project: string;
  type: string;
  name: string;
  /** Empty: wherever it is. */
  member?: string;
}

export interface VolumeFilter {
  pool: string;
  /** Empty: all. */
  type: string;
  /** Project of custom volumes, and that of instances' volumes; null for all projects. */
  projects: { custom: string; instances: string } | null;
}

const select = `
  SELECT volume.id, volume.pool_id, pool.name AS pool, volume.member, volume.project, volume.type, volume.name, volume.description,
         volume.content_type, volume.config, volume.ready, volume.new_name
  FROM storage.volumes volume JOIN storage.pools pool ON pool.id = volume.pool_id`;

type KeptVolume = Pick<VolumeRow, 'pool_id' | 'member' | 'project' | 'type' | 'name' | 'config'>;

function upsert(row: KeptVolume): [sql: string, params: unknown[]] {
  return [
    `INSERT INTO storage.volumes (pool_id, member, project, type, name, config, ready) VALUES ($1, $2, $3, $4, $5, $6, true)
     ON CONFLICT (pool_id, member, project, type, name) DO UPDATE SET ready = true RETURNING id`,
    [row.pool_id, row.member, row.project, row.type, row.name, row.config],
  ];
}

/** Rows of storage.volumes. */
@Injectable()
export class VolumeStore {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Volumes and, as "volume/snapshot" with the volume's place, their snapshots; in the order of LXD's lists. */
  list(filter: VolumeFilter): Promise<VolumeRow[]> {
    return this.database.query(
      `WITH found AS (${select} WHERE pool.name = $1 AND volume.ready AND ($2 = '' OR volume.type = $2)
         AND ($3::text IS NULL OR volume.project = CASE volume.type WHEN 'custom' THEN $3 WHEN 'image' THEN volume.project ELSE $4 END))
       SELECT * FROM (SELECT found.*, found.name AS parent, 0::bigint AS position FROM found
       UNION ALL
       SELECT found.id, found.pool_id, found.pool, found.member, found.project, found.type, found.name || '/' || snapshot.name, snapshot.description,
              found.content_type, snapshot.config, true, '', found.name, snapshot.position
       FROM found JOIN storage.snapshots snapshot ON snapshot.volume_id = found.id AND snapshot.ready) listed
       ORDER BY type, parent COLLATE "C", position`,
      [filter.pool, filter.type, filter.projects?.custom ?? null, filter.projects?.instances ?? null],
    );
  }

  /** Also one that is still being made. */
  async find(key: VolumeKey): Promise<VolumeRow | undefined> {
    return (await this.database.query<VolumeRow>(`${select} WHERE volume.pool_id = $1 AND volume.project = $2 AND volume.type = $3 AND volume.name = $4 AND $5 IN ('', volume.member)`, [key.pool_id, key.project, key.type, key.name, key.member ?? '']))[0];
  }

  /** The same by the pool's name. */
  async findIn(pool: string, key: Omit<VolumeKey, 'pool_id'>): Promise<VolumeRow | undefined> {
    return (await this.database.query<VolumeRow>(`${select} WHERE pool.name = $1 AND volume.project = $2 AND volume.type = $3 AND volume.name = $4 AND $5 IN ('', volume.member)`, [pool, key.project, key.type, key.name, key.member ?? '']))[0];
  }

  async byId(id: string): Promise<VolumeRow | undefined> {
    return (await this.database.query<VolumeRow>(`${select} WHERE volume.id = $1`, [id]))[0];
  }

  /** As it is, until the transaction ends. */
  async lock(unit: Unit, id: string): Promise<VolumeRow | undefined> {
    await unit.query('SELECT 1 FROM storage.volumes WHERE id = $1 FOR UPDATE', [id]);
    return (await unit.query<VolumeRow>(`${select} WHERE volume.id = $1`, [id]))[0];
  }

  /** A pool that is on its way out takes no more. */
  async insert(unit: Unit, row: Omit<VolumeRow, 'id' | 'pool' | 'new_name'> & { maker: string }): Promise<string> {
    const pools = await unit.query('SELECT 1 FROM storage.pools WHERE id = $1 AND ready FOR SHARE', [row.pool_id]);
    if (pools.length === 0) throw new LxdError('not-found', 'Storage pool not found');
    const rows = await unit.query<{ id: string }>(
      `INSERT INTO storage.volumes (pool_id, member, project, type, name, description, content_type, config, ready, maker)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id`,
      [row.pool_id, row.member, row.project, row.type, row.name, row.description, row.content_type, row.config, row.ready, row.maker],
    );
    return rows[0]!.id;
  }

  /** One that may be there from an earlier try stays as it is. */
  keep(unit: Unit, row: KeptVolume): void {
    unit.run(...upsert(row));
  }

  /** The same, answering its id. */
  async ensure(unit: Unit, row: KeptVolume): Promise<string> {
    const [sql, params] = upsert(row);
    return (await unit.query<{ id: string }>(sql, params))[0]!.id;
  }

  async markReady(unit: Unit, id: string): Promise<void> {
    await unit.query(`UPDATE storage.volumes SET ready = true, maker = '' WHERE id = $1`, [id]);
  }

  async update(unit: Unit, row: Pick<VolumeRow, 'id' | 'description' | 'config'>): Promise<void> {
    await unit.query('UPDATE storage.volumes SET description = $2, config = $3 WHERE id = $1', [row.id, row.description, row.config]);
  }

  /** An empty name takes it back. */
  async beginRename(unit: Unit, id: string, newName: string, maker: string): Promise<void> {
    await unit.query('UPDATE storage.volumes SET new_name = $2, maker = $3 WHERE id = $1', [id, newName, maker]);
  }

  async rename(unit: Unit, id: string, newName: string): Promise<void> {
    await unit.query(`UPDATE storage.volumes SET name = $2, new_name = '', maker = '' WHERE id = $1`, [id, newName]);
  }

  delete(unit: Unit, id: string): void {
    unit.run('DELETE FROM storage.volumes WHERE id = $1', [id]);
  }

  /** Volumes on a member that an earlier process of the replica was making or renaming. */
  unfinished(by: { replica: string; maker: string; member: string }): Promise<VolumeRow[]> {
    return this.database.query(
      `${select} WHERE (NOT volume.ready OR volume.new_name <> '') AND split_part(volume.maker, ' ', 1) = $1 AND volume.maker <> $2 AND volume.member = $3`,
      [by.replica, by.maker, by.member],
    );
  }

  /** Those of a member and, as "volume/snapshot", their snapshots; without images. Not settled is what is being made or renamed, under both names. */
  onMember(member: string): Promise<(Pick<VolumeRow, 'pool' | 'project' | 'type' | 'name'> & { settled: boolean })[]> {
    return this.database.query(
      `WITH found AS (${select} WHERE volume.member = $1 AND volume.type <> 'image'),
       named AS (SELECT id, pool, project, type, name, ready AND new_name = '' AS settled FROM found UNION ALL SELECT id, pool, project, type, new_name, false FROM found WHERE new_name <> '')
       SELECT pool, project, type, name, settled FROM named
       UNION ALL SELECT pool, project, type, named.name || '/' || snapshot.name, settled AND snapshot.ready FROM named JOIN storage.snapshots snapshot ON snapshot.volume_id = named.id`,
      [member],
    );
  }

  /** Custom volumes of a project, those being made too. */
  async holds(project: string): Promise<boolean> {
    return (await this.database.query(`SELECT 1 FROM storage.volumes WHERE project = $1 AND type = 'custom' LIMIT 1`, [project])).length > 0;
  }

  /** Custom volumes whose config has a value for the key. */
  withKey(key: string): Promise<VolumeRow[]> {
    return this.database.query(`${select} WHERE volume.type = 'custom' AND volume.ready AND coalesce(volume.config->>$1, '') <> '' ORDER BY volume.name`, [key]);
  }

  /** Those whose users have not all heard where they are now. */
  moved(): Promise<{ id: string; moved_from: string }[]> {
    return this.database.query(`SELECT id, moved_from FROM storage.volumes WHERE moved_from <> '' AND ready`);
  }

  async setMovedFrom(unit: Unit, id: string, from: string): Promise<void> {
    await unit.query('UPDATE storage.volumes SET moved_from = $2 WHERE id = $1', [id, from]);
  }

  images(fingerprint: string): Promise<VolumeRow[]> {
    return this.database.query(`${select} WHERE volume.type = 'image' AND volume.name = $1`, [fingerprint]);
  }
}
