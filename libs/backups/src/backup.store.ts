import type { Database, Unit } from '@asterism/database';
import { isUniqueViolation } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import type { BackupRow } from './backup.js';

type Config = Pick<Unit, 'query'>;

/** SQL of a service's own table of backups, beside a table of owners with an id. */
export function backupsTable(schema: string, owners: string): string {
  return `
    CREATE TABLE ${schema}.backups (
      id uuid PRIMARY KEY,
      owner_id uuid NOT NULL REFERENCES ${schema}.${owners} (id) ON DELETE CASCADE,
      member text NOT NULL,
      name text NOT NULL,
      "only" boolean NOT NULL,
      optimized boolean NOT NULL,
      ready boolean NOT NULL DEFAULT false,
      size_bytes bigint NOT NULL DEFAULT 0,
      created_at timestamptz NOT NULL DEFAULT now(),
      expires_at timestamptz,
      UNIQUE (owner_id, name)
    );
    CREATE INDEX backups_expiry ON ${schema}.backups (expires_at) WHERE expires_at IS NOT NULL;
  `;
}

/** The owner is going: what is being written of it now will not be ready any more. */
export function doomedBackups(schema: string): string {
  return `ALTER TABLE ${schema}.backups ADD COLUMN doomed boolean NOT NULL DEFAULT false;`;
}

const columns = 'id, owner_id, member, name, "only", optimized, size_bytes::float8 AS size_bytes, created_at, expires_at';

/** Rows of that table. */
export class BackupStore {
  readonly #table: string;

  constructor(private readonly database: Database) {
    this.#table = `${database.schema}.backups`;
  }

  /** By name. */
  of(ownerIds: readonly string[]): Promise<BackupRow[]> {
    return this.database.query(`SELECT ${columns} FROM ${this.#table} WHERE owner_id = ANY($1::uuid[]) AND ready ORDER BY owner_id, name COLLATE "C"`, [ownerIds]);
  }

  /** Of an owner whose contents are gone: nobody is shown them any more, and none becomes ready. Whoever has removed their files may let the rows go. */
  doom(ownerId: string): Promise<Pick<BackupRow, 'id' | 'member'>[]> {
    return this.database.query(`UPDATE ${this.#table} SET ready = false, doomed = true WHERE owner_id = $1 RETURNING id, member`, [ownerId]);
  }

  /** Also those that are being written. */
  all(ownerId: string): Promise<BackupRow[]> {
    return this.database.query(`SELECT ${columns} FROM ${this.#table} WHERE owner_id = $1`, [ownerId]);
  }

  async find(ownerId: string, name: string): Promise<BackupRow | undefined> {
    return (await this.database.query<BackupRow>(`SELECT ${columns} FROM ${this.#table} WHERE owner_id = $1 AND name = $2 AND ready`, [ownerId, name]))[0];
  }

  expired(now: Date): Promise<BackupRow[]> {
    return this.database.query(`SELECT ${columns} FROM ${this.#table} WHERE expires_at <= $1 AND ready`, [now]);
  }

  /** One of the same id is there from an earlier try. A name in use is refused. */
  async insert(unit: Config, row: Omit<BackupRow, 'created_at' | 'size_bytes'>): Promise<void> {
    try {
      await unit.query(`INSERT INTO ${this.#table} (id, owner_id, member, name, "only", optimized, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING`, [
        ...[row.id, row.owner_id, row.member, row.name, row.only],
        ...[row.optimized, row.expires_at],
      ]);
    } catch (error) {
      throw isUniqueViolation(error) ? new LxdError('conflict', 'already exists') : error;
    }
  }

  /** False where the owner went meanwhile, and the row with it, or is going. */
  async markReady(unit: Config, id: string, { optimized, size_bytes }: Pick<BackupRow, 'optimized' | 'size_bytes'>): Promise<boolean> {
    return (await unit.query(`UPDATE ${this.#table} SET ready = true, optimized = $2, size_bytes = $3 WHERE id = $1 AND NOT doomed RETURNING id`, [id, optimized, size_bytes])).length > 0;
  }

  async rename(unit: Config, id: string, name: string): Promise<void> {
    try {
      await unit.query(`UPDATE ${this.#table} SET name = $2 WHERE id = $1`, [id, name]);
    } catch (error) {
      throw isUniqueViolation(error) ? new LxdError('conflict', 'already exists') : error;
    }
  }

  async delete(unit: Config, id: string): Promise<void> {
    await unit.query(`DELETE FROM ${this.#table} WHERE id = $1`, [id]);
  }
}
