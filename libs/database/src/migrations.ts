import type { DataSource } from 'typeorm';

/** One step of a schema, plain SQL that names its tables `<schema>.<table>`. Applied once, in order, never changed after release. */
export interface Migration {
  /** e.g. "001-networks" */
  name: string;
  sql: string;
}

/** Tables every service has: events waiting for the bus, and durable tasks. */
function foundation(schema: string): Migration {
  return {
    name: '000-foundation',
    sql: `
      CREATE TABLE ${schema}.outbox (
        id uuid PRIMARY KEY,
        event text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE TABLE ${schema}.tasks (
        id uuid PRIMARY KEY,
        kind text NOT NULL,
        call text NOT NULL,
        input text NOT NULL,
        state text NOT NULL,
        cursor int NOT NULL DEFAULT 0,
        phase text NOT NULL DEFAULT 'run' CHECK (phase IN ('run', 'undo')),
        cancel_requested boolean NOT NULL DEFAULT false,
        error text,
        error_kind text,
        lease_owner text NOT NULL,
        lease_until timestamptz NOT NULL,
        attempts int NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX tasks_lease ON ${schema}.tasks (lease_until);`,
  };
}

/** When the steps of a task began and ended. */
function stepTimes(schema: string): Migration {
  return { name: '000-step-times', sql: `ALTER TABLE ${schema}.tasks ADD COLUMN steps text NOT NULL DEFAULT '[]';` };
}

/** Brings one service's schema up to date under a lock, so that replicas may start together. */
export async function migrate(source: DataSource, schema: string, migrations: readonly Migration[]): Promise<void> {
  if (!/^[a-z_]+$/.test(schema)) throw new Error(`not a schema name: ${schema}`);
  await source.transaction(async (manager) => {
    await manager.query('SELECT pg_advisory_xact_lock(hashtext($1))', [`asterism-migrate-${schema}`]);
    await manager.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
    await manager.query(`CREATE TABLE IF NOT EXISTS ${schema}.migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`);
    const applied = new Set(((await manager.query(`SELECT name FROM ${schema}.migrations`)) as { name: string }[]).map((row) => row.name));
    for (const migration of [foundation(schema), stepTimes(schema), ...migrations]) {
      if (applied.has(migration.name)) continue;
      await manager.query(migration.sql);
      await manager.query(`INSERT INTO ${schema}.migrations (name) VALUES ($1)`, [migration.name]);
    }
  });
}
