import { Inject, Injectable } from '@nestjs/common';
import { Database, type Unit } from '@asterism/database';
import { LxdError } from '@asterism/errors';

export interface SnapshotRow {
  id: string;
  volume_id: string;
  name: string;
  description: string;
  config: Record<string, string>;
  expires_at: Date | null;
}

const columns = 'id, volume_id, name, description, config, expires_at';

/** Rows of storage.snapshots. */
@Injectable()
export class SnapshotStore {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Oldest first. */
  ofVolume(volumeId: string): Promise<SnapshotRow[]> {
    return this.database.query(`SELECT ${columns} FROM storage.snapshots WHERE volume_id = $1 AND ready ORDER BY position`, [volumeId]);
  }

  async find(volumeId: string, name: string): Promise<SnapshotRow | undefined> {
    return (await this.database.query<SnapshotRow>(`SELECT ${columns} FROM storage.snapshots WHERE volume_id = $1 AND name = $2 AND ready`, [volumeId, name]))[0];
  }

  async get(volumeId: string, name: string): Promise<SnapshotRow> {
    const row = await this.find(volumeId, name);
    if (!row) throw new LxdError('not-found', 'Storage pool volume not found');
    return row;
  }

  /** Of custom volumes, whose time is over. */
  expired(now: Date): Promise<SnapshotRow[]> {
    return this.database.query(
      `SELECT snapshot.id, snapshot.volume_id, snapshot.name, snapshot.description, snapshot.config, snapshot.expires_at FROM storage.snapshots snapshot
       JOIN storage.volumes volume ON volume.id = snapshot.volume_id AND volume.type = 'custom' WHERE snapshot.ready AND snapshot.expires_at <= $1`,
      [now],
    );
  }

  /** As it is, until the transaction ends. */
  async lock(unit: Unit, id: string): Promise<SnapshotRow | undefined> {
    return (await unit.query<SnapshotRow>(`SELECT ${columns} FROM storage.snapshots WHERE id = $1 FOR UPDATE`, [id]))[0];
  }

  /** Also names that are being made. */
  async names(volumeId: string): Promise<string[]> {
    return (await this.database.query<{ name: string }>('SELECT name FROM storage.snapshots WHERE volume_id = $1', [volumeId])).map((row) => row.name);
  }

  async insert(unit: Unit, row: Omit<SnapshotRow, 'id'> & { ready: boolean }): Promise<void> {
    await unit.query('INSERT INTO storage.snapshots (volume_id, name, description, config, expires_at, ready) VALUES ($1, $2, $3, $4, $5, $6)', [
      row.volume_id,
      row.name,
      row.description,
      row.config,
      row.expires_at,
      row.ready,
    ]);
  }

  async ensure(unit: Unit, volumeId: string, name: string, config: Record<string, string>): Promise<void> {
    await unit.query(
      `INSERT INTO storage.snapshots (volume_id, name, config, ready) VALUES ($1, $2, $3, true)
       ON CONFLICT (volume_id, name) DO UPDATE SET ready = true`,
      [volumeId, name, config],
    );
  }

  async markReady(unit: Unit, volumeId: string, name: string): Promise<void> {
    await unit.query('UPDATE storage.snapshots SET ready = true WHERE volume_id = $1 AND name = $2', [volumeId, name]);
  }

  async update(unit: Unit, row: Pick<SnapshotRow, 'id' | 'description' | 'expires_at'>): Promise<void> {
    await unit.query('UPDATE storage.snapshots SET description = $2, expires_at = $3 WHERE id = $1', [row.id, row.description, row.expires_at]);
  }

  async rename(unit: Unit, volumeId: string, name: string, newName: string): Promise<void> {
    await unit.query('UPDATE storage.snapshots SET name = $3 WHERE volume_id = $1 AND name = $2', [volumeId, name, newName]);
  }

  async delete(unit: Unit, volumeId: string, name: string): Promise<void> {
    await unit.query('DELETE FROM storage.snapshots WHERE volume_id = $1 AND name = $2', [volumeId, name]);
  }
}
