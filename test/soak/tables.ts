import { join } from 'node:path';
import type { TestServer } from '../servers/server.js';

/** Rows of every table of the server's database, by "schema.table". */
export async function rowsByTable(server: TestServer): Promise<Map<string, number>> {
  const tables = await sql(server, `SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`);
  const counts = await sql(server, tables.map((table) => `SELECT '${table} ' || count(*) FROM ${table}`).join(' UNION ALL '));
  return new Map(counts.map((line): [string, number] => [line.split(' ')[0]!, Number(line.split(' ')[1])]));
}

/** As if everything had happened longer ago than it is kept. */
export async function ageBeyondRetention(server: TestServer): Promise<void> {
  await sql(
    server,
    `UPDATE operations.operations SET finished_at = finished_at - interval '30 days' WHERE finished_at IS NOT NULL;
     UPDATE operations.journal SET at = at - interval '30 days';
     UPDATE operations.idempotency_keys SET created_at = created_at - interval '30 days'`,
  );
}

async function sql(server: TestServer, statement: string): Promise<string[]> {
  const { stdout, stderr, code } = await server.host.run(['psql', '-h', join(server.stateDirectory, 'database'), '-U', 'postgres', '-d', 'postgres', '-AtqX', '-c', statement]);
  if (code !== 0) throw new Error(stderr);
  return stdout.split('\n').filter(Boolean);
}
