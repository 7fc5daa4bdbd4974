import { join } from 'node:path';
import type { TestServer } from '../servers/server.js';
import { loadedInstanceSql } from './plan.js';

const chunk = 10_000;

/** Runs SQL as the database's own superuser, in the control plane's own PostgreSQL. */
export async function sql(server: TestServer, text: string): Promise<string> {
  const { code, stdout, stderr } = await server.shell(`psql -X -q -A -t -v ON_ERROR_STOP=1 -h ${join(server.stateDirectory, 'database')} -U postgres postgres`, { stdin: text, timeoutMs: 240_000 });
  if (code !== 0) throw new Error(`psql: ${stderr}`);
  return stdout.trim();
}

/**
 * Writes instances into the tables of their owners as the API would have left them, copied from one that the API made: 100,000 creations would take
 * longer than the whole measurement and teach nothing that the first thousands do not.
 */
export async function loadRows(server: TestServer, { template, seed, from, to, members }: { template: string; seed: string; from: number; to: number; members: number }): Promise<void> {
  for (let begin = from; begin < to; begin += chunk) await sql(server, statements(template, loadedInstanceSql(seed, { from: begin, to: Math.min(begin + chunk, to), members })));
  await sql(server, 'ANALYZE instances.instances; ANALYZE instances.names; ANALYZE storage.volumes;');
}

function statements(template: string, loaded: string): string {
  const own = (column: string): string => `replace(replace(t.${column}::text, t.id::text, l.id::text), t.config->>'volatile.eth0.hwaddr', '00:16:3e:' || substr(l.hash, 1, 2) || ':' || substr(l.hash, 3, 2) || ':' || substr(l.hash, 5, 2))::json`;
  return `BEGIN;
CREATE TEMPORARY TABLE loaded ON COMMIT DROP AS ${loaded};
INSERT INTO instances.instances (id, project, name, type, architecture, description, ephemeral, config, devices, profiles, expanded_config, expanded_devices, member, pool, pool_driver, volume_path, status, status_code, created_at)
  SELECT l.id, l.project, l.name, t.type, t.architecture, t.description, t.ephemeral, ${own('config')}, t.devices, t.profiles, ${own('expanded_config')}, t.expanded_devices, l.member, t.pool, t.pool_driver,
    '/simulated/storage-pools/' || t.pool || '/container/' || CASE l.project WHEN 'default' THEN '' ELSE l.project || '_' END || l.name, l.status, l.status_code, now() + random() * interval '1 second'
  FROM loaded l, instances.instances t WHERE t.project = 'default' AND t.name = '${template}';
INSERT INTO instances.names (project, name, instance_id) SELECT project, name, id FROM loaded;
INSERT INTO storage.volumes (pool_id, member, project, type, name, config, ready)
  SELECT t.pool_id, l.member, l.project, t.type, l.name, t.config, true FROM loaded l, storage.volumes t WHERE t.project = 'default' AND t.type = 'container' AND t.name = '${template}';
COMMIT;`;
}
