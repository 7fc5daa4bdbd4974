import type { TestServer } from '../servers/server.js';

/** What there is, by aspect: names of volumes, of mounts, of cgroups and so on. */
export type Facts = Record<string, string[]>;

export interface InstanceFacts {
  id: string;
  project: string;
  name: string;
  type: string;
  status: string;
  member: string;
  pool: string;
  busy: string | null;
  config: Record<string, string>;
  expanded_devices: Record<string, Record<string, string>>;
}

interface SnapshotFacts {
  project: string;
  owner: string;
  name: string;
  ready: boolean;
}

/** What the control plane says there should be. */
export interface DatabaseFacts {
  instances: InstanceFacts[];
  instance_snapshots: SnapshotFacts[];
  names: { instance_id: string; name: string }[];
  pools: { name: string; driver: string; config: Record<string, string>; member: string | null; member_config: Record<string, string> | null; ready: boolean }[];
  volumes: { pool: string; member: string; project: string; type: string; name: string; ready: boolean; new_name: string }[];
  snapshots: (SnapshotFacts & { pool: string; member: string; type: string })[];
  networks: { name: string; type: string; status: string; config: Record<string, string> }[];
  images: { project: string; fingerprint: string; task: string | null }[];
  locations: { fingerprint: string; member: string }[];
  backups: { id: string; member: string; ready: boolean }[];
  admissions: { instance: string; known: boolean }[];
  tasks: string[];
  outbox: string[];
  operations: { id: string; description: string; status_code: number }[];
  journal_holes: number[];
  /** Operations whose end was told never, or more than once. */
  ends: { id: string; description: string; told: number }[];
}

const services = ['operations', 'projects', 'cluster', 'storage', 'networks', 'images', 'instances', 'warnings'];
const everywhere = (select: (schema: string) => string): string => services.map(select).join(' UNION ALL ');

const selects: Record<keyof DatabaseFacts, string> = {
  instances: 'SELECT id, project, name, type, status, member, pool, busy, config, expanded_devices FROM instances.instances',
  instance_snapshots: 'SELECT i.project, i.name AS owner, s.name, s.ready FROM instances.snapshots s JOIN instances.instances i ON i.id = s.instance_id',
  names: 'SELECT instance_id, name FROM instances.names',
  pools: 'SELECT p.name, p.driver, p.config, m.member, m.config AS member_config, p.ready FROM storage.pools p LEFT JOIN storage.pool_members m ON m.pool_id = p.id',
  volumes: 'SELECT p.name AS pool, v.member, v.project, v.type, v.name, v.ready, v.new_name FROM storage.volumes v JOIN storage.pools p ON p.id = v.pool_id',
  snapshots: `SELECT p.name AS pool, v.member, v.project, v.type, v.name AS owner, s.name, s.ready
    FROM storage.snapshots s JOIN storage.volumes v ON v.id = s.volume_id JOIN storage.pools p ON p.id = v.pool_id`,
  networks: 'SELECT name, type, status, config FROM networks.networks',
  images: 'SELECT project, fingerprint, task FROM images.images',
  locations: 'SELECT fingerprint, member FROM images.locations',
  backups: 'SELECT id, member, ready FROM instances.backups UNION ALL SELECT id, member, ready FROM storage.backups',
  admissions: `SELECT a.instance, EXISTS (SELECT FROM instances.instances i WHERE i.name = a.instance) AS known FROM projects.admissions a WHERE a.until > now()`,
  tasks: everywhere((schema) => `SELECT kind || ' ' || id || ' at ' || cursor || ' in ' || phase || ', attempt ' || attempts AS value FROM ${schema}.tasks WHERE kind <> ''`),
  outbox: everywhere((schema) => `SELECT '${schema} ' || event AS value FROM ${schema}.outbox`),
  operations: 'SELECT id, description, status_code FROM operations.operations WHERE finished_at IS NULL',
  journal_holes: 'SELECT cursor AS value FROM (SELECT cursor, lag(cursor) OVER (ORDER BY cursor) AS before FROM operations.journal) AS pairs WHERE cursor <> before + 1',
  ends: `SELECT o.id, o.description, count(e) AS told FROM operations.operations o
    LEFT JOIN (SELECT json::json->'metadata'->>'id' AS id FROM operations.journal WHERE type = 'operation' AND (json::json->'metadata'->>'status_code')::int >= 200) e ON e.id = o.id::text
    WHERE o.finished_at IS NOT NULL GROUP BY o.id HAVING count(e) <> 1`,
};

const plain = new Set<string>(['tasks', 'outbox', 'journal_holes']);

export async function factsOfDatabase(server: TestServer): Promise<DatabaseFacts> {
  const parts = Object.entries(selects).map(([name, select]) => {
    const row = plain.has(name) ? 'value' : 'to_json(rows)';
    return `'${name}', (SELECT coalesce(json_agg(${row}), '[]'::json) FROM (${select}) AS rows)`;
  });
  const answer = await server.shell('psql -h "$LXD_DIR/database" -U postgres -At -v ON_ERROR_STOP=1 postgres', { stdin: `SELECT json_build_object(${parts.join(', ')});` });
  if (answer.code !== 0) throw new Error(`the database does not answer: ${answer.stderr}`);
  return JSON.parse(answer.stdout) as DatabaseFacts;
}

/** One line each: an aspect, a tab, a name. */
const look = `cd "$LXD_DIR"
list() { ls -A "$2" 2>/dev/null | sed "s|^|$1\\t|"; }
find storage-pools -mindepth 3 -maxdepth 3 -printf 'tree\\t%P\\n' 2>/dev/null
find storage-pools -mindepth 4 -maxdepth 4 -path '*-snapshots/*/*' -not -path '*/.scratch/*' -printf 'snapshot\\t%P\\n' 2>/dev/null
list pool storage-pools; list 'pool record' pools; list 'loop file' disks
list 'link of a volume' containers; list 'link of snapshots' snapshots
list 'socket of devlxd' devlxd; list 'device directory' devices; list log logs; list 'seccomp policy' security/seccomp
list network networks; list 'image file' images; list 'backup file' backups
for n in networks/*/; do list "DHCP host of $(basename "$n")" "$n/dnsmasq.hosts"; sed "s|^|lease\\t|" "$n/dnsmasq.leases" 2>/dev/null; done
losetup -l -n -O BACK-FILE | grep -F "$LXD_DIR/" | sed 's|^|loop device\\t|'
cut -d' ' -f5 /proc/self/mountinfo | grep -F "$LXD_DIR/" | sed 's|^|mount\\t|'
ip -o link show type bridge | cut -d: -f2 | tr -d ' ' | sed 's|^|bridge\\t|'
ip -o link show type veth | cut -d: -f2 | cut -d@ -f1 | tr -d ' ' | sed 's|^|veth\\t|'
nft list tables | sed 's|^table |nft table\\t|'
find /sys/fs/cgroup -mindepth 1 -maxdepth 4 -type d \\( -path '*/asterism/*' -o -name 'lxc.*' \\) -printf 'cgroup\\t%P\\n'
ps -eo ppid,stat,args --no-headers | grep -v 'ps -eo' | sed 's|^|process\\t|'
sed 's|^|record\\t|' instances.log 2>/dev/null
true`;

/** What the server's host has of it; paths below the state directory are relative to it. */
export async function factsOfHost(server: TestServer): Promise<Facts> {
  const { stdout } = await server.shell(look);
  const facts: Facts = {};
  for (const line of stdout.split('\n').filter((text) => text.includes('\t'))) {
    const [aspect = '', name = ''] = [line.slice(0, line.indexOf('\t')), line.slice(line.indexOf('\t') + 1)];
    (facts[aspect] ??= []).push(name.replaceAll(`${server.stateDirectory}/`, ''));
  }
  return facts;
}
