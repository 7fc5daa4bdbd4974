import { Database, type Unit } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import { Inject, Injectable } from '@nestjs/common';
import type { InstanceRow, SnapshotRow } from '../instance.js';
import { jsonColumns } from '../instance.store.js';

/** Rows of instances.snapshots. */
@Injectable()
export class SnapshotStore {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Oldest first. */
  async of(instanceId: string): Promise<SnapshotRow[]> {
    return this.database.query<SnapshotRow>(`SELECT * FROM instances.snapshots WHERE instance_id = $1 AND ready ORDER BY created_at, name`, [instanceId]);
  }

  /** The same by the instance's name, newest first. */
  async under({ project, name }: Pick<InstanceRow, 'project' | 'name'>): Promise<SnapshotRow[]> {
    return this.database.query<SnapshotRow>(
      `SELECT snapshot.* FROM instances.snapshots snapshot JOIN instances.instances instance ON instance.id = instance_id
       WHERE instance.project = $1 AND instance.name = $2 AND ready ORDER BY snapshot.created_at DESC, snapshot.name DESC`,
      [project, name],
    );
  }

  async get(instance: InstanceRow, name: string): Promise<SnapshotRow> {
    const row = (await this.database.query<SnapshotRow>(`SELECT * FROM instances.snapshots WHERE instance_id = $1 AND name = $2 AND ready`, [instance.id, name]))[0];
    if (row) return row;
    throw new LxdError('not-found', `Failed to fetch snapshot "${name}" of instance "${instance.name}" in project "${instance.project}": InstanceSnapshot not found`);
  }

  async nameById(id: string): Promise<string> {
    const row = (await this.database.query<{ name: string }>(`SELECT name FROM instances.snapshots WHERE id = $1`, [id]))[0];
    if (!row) throw new LxdError('not-found', 'Snapshot not found');
    return row.name;
  }

  async insert(unit: Unit, row: Omit<SnapshotRow, 'created_at'> & { created_at?: Date; ready: boolean }): Promise<void> {
    await unit.query(
      `INSERT INTO instances.snapshots (id, instance_id, name, architecture, ephemeral, stateful, config, devices, profiles, expanded_config, expanded_devices,
         description, created_at, expires_at, ready)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, coalesce($13, now()), $14, $15)`,
      [row.id, row.instance_id, row.name, row.architecture, row.ephemeral, row.stateful, ...jsonColumns(row), row.description, row.created_at ?? null, row.expires_at, row.ready],
    );
  }

  async setReady(unit: Unit, id: string): Promise<void> {
    await unit.query(`UPDATE instances.snapshots SET ready = true WHERE id = $1`, [id]);
  }

  async setReadyOf(unit: Unit, instanceId: string): Promise<void> {
    await unit.query(`UPDATE instances.snapshots SET ready = true WHERE instance_id = $1`, [instanceId]);
  }

  async rename(unit: Unit, id: string, name: string): Promise<void> {
    await unit.query(`UPDATE instances.snapshots SET name = $2 WHERE id = $1`, [id, name]);
  }

  async setExpiry(unit: Unit, id: string, expiresAt: Date | null): Promise<void> {
    await unit.query(`UPDATE instances.snapshots SET expires_at = $2 WHERE id = $1`, [id, expiresAt]);
  }

  /** False where it was gone already. */
  async delete(unit: Unit, id: string): Promise<boolean> {
    return (await unit.query(`DELETE FROM instances.snapshots WHERE id = $1 RETURNING id`, [id])).length > 0;
  }

  /** Names in use, ready or not, for choosing the next one. */
  async names(unit: Pick<Unit, 'query'>, instanceId: string): Promise<string[]> {
    return (await unit.query<{ name: string }>(`SELECT name FROM instances.snapshots WHERE instance_id = $1`, [instanceId])).map((row) => row.name);
  }
}
