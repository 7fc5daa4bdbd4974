import { Inject, Injectable } from '@nestjs/common';
import { Database, type Unit } from '@asterism/database';
import type { warnings } from '@asterism/proto';

export interface WarningRow {
  status: string;
  uuid: string;
  location: string;
  project: string;
  type: string;
  count: number;
  first_seen_at: Date;
  last_seen_at: Date;
  last_message: string;
  severity: string;
  entity_url: string;
}

const columns = 'status, uuid, location, project, type, count, first_seen_at, last_seen_at, last_message, severity, entity_url';

/** Rows of warnings.warnings. */
@Injectable()
export class WarningStore {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Of one project, or of all where it is empty. */
  list(project: string): Promise<WarningRow[]> {
    return this.database.query(`SELECT ${columns} FROM warnings.warnings WHERE $1 = '' OR project = $1 ORDER BY uuid`, [project]);
  }

  ofTypes(types: readonly string[], location: string): Promise<WarningRow[]> {
    return this.database.query(`SELECT ${columns} FROM warnings.warnings WHERE type = ANY($1) AND location = $2`, [types, location]);
  }

  async find(uuid: string): Promise<WarningRow | undefined> {
    return (await this.database.query<WarningRow>(`SELECT ${columns} FROM warnings.warnings WHERE uuid::text = $1`, [uuid]))[0];
  }

  /** Counts a warning that is known; one that was resolved is new again. */
  async raise(unit: Unit, warning: warnings.RaiseWarning): Promise<void> {
    await unit.query(
      `INSERT INTO warnings.warnings (project, location, type, severity, last_message, entity_url) VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (project, location, type, entity_url) DO UPDATE SET
         count = warnings.count + 1, last_seen_at = now(), updated_at = now(), last_message = excluded.last_message, severity = excluded.severity,
         status = CASE warnings.status WHEN 'resolved' THEN 'new' ELSE warnings.status END`,
      [warning.project, warning.location, warning.type, warning.severity, warning.last_message, warning.entity_url],
    );
  }

  async resolve(unit: Unit, { type, location, entity_url }: warnings.ResolveWarnings): Promise<void> {
    await unit.query(`UPDATE warnings.warnings SET status = 'resolved', updated_at = now() WHERE type = $1 AND location = $2 AND ($3 = '' OR entity_url = $3) AND status <> 'resolved'`, [type, location, entity_url]);
  }

  async setStatus(unit: Unit, uuid: string, status: string): Promise<void> {
    await unit.query('UPDATE warnings.warnings SET status = $2, updated_at = now() WHERE uuid::text = $1', [uuid, status]);
  }

  async delete(unit: Unit, uuid: string): Promise<void> {
    await unit.query('DELETE FROM warnings.warnings WHERE uuid::text = $1', [uuid]);
  }

  async pruneResolved(): Promise<void> {
    await this.database.query(`DELETE FROM warnings.warnings WHERE status = 'resolved' AND updated_at < now() - interval '24 hours'`);
  }
}
