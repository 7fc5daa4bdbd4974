import { Database } from '@asterism/database';
import { Inject, Injectable } from '@nestjs/common';
import type { Status } from '../instance.js';
import type { Place } from './cursor.js';
import type { Condition } from './narrowing.js';

/** Which instances a list shows. Empty projects: of all; empty type: both. */
export interface Selection {
  projects: readonly string[];
  type: string;
  /** Only this one. */
  name?: string;
  conditions?: readonly Condition[];
}

export interface RenderedInstance {
  id: string;
  project: string;
  name: string;
  status: Status;
  member: string;
  /** LXD's Instance object as JSON text. */
  json: string;
}

export interface PlacedInstance extends RenderedInstance {
  /** When it was created, as the API shows it. */
  at: string;
}

const time = (column: string, otherwise: string): string =>
  `coalesce(to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '${otherwise}')`;

/** LXD's Instance object, assembled by the database in the order Go renders it; concat() copies once what a chain of || would copy at each link. */
const instanceJson = `concat('{"architecture":', to_json(i.architecture), ',"config":', i.config, ',"devices":', i.devices, ',"ephemeral":', to_json(i.ephemeral)
  , ',"profiles":', i.profiles, ',"stateful":', to_json(i.stateful), ',"description":', to_json(i.description)
  , ',"created_at":"', ${time('i.created_at', '')}, '","expanded_config":', i.expanded_config, ',"expanded_devices":', i.expanded_devices
  , ',"name":', to_json(i.name), ',"status":"', i.status, '","status_code":', i.status_code
  , ',"last_used_at":"', ${time('i.last_used_at', '1970-01-01T00:00:00Z')}, '","location":', to_json(i.member), ',"type":"', i.type, '","project":', to_json(i.project), '}')`;

const snapshotJson = `concat('{"expires_at":"', ${time('s.expires_at', '0001-01-01T00:00:00Z')}, '","architecture":', to_json(s.architecture), ',"config":', s.config
  , ',"created_at":"', ${time('s.created_at', '')}, '","devices":', s.devices, ',"ephemeral":', to_json(s.ephemeral)
  , ',"expanded_config":', s.expanded_config, ',"expanded_devices":', s.expanded_devices, ',"last_used_at":"0001-01-01T00:00:00Z","name":', to_json(s.name)
  , ',"profiles":', s.profiles, ',"stateful":', to_json(s.stateful), ',"size":-1}')`;

const shown = (json: string): string => `i.id, i.project, i.name, i.status, i.member, ${json} AS json`;

/** Which transaction wrote each row, and where it lies: no two versions of a row share both. */
const rowVersions = (where: string): string => `SELECT md5(string_agg(xidsend(i.xmin) || tidsend(i.ctid), ''::bytea)) AS version FROM instances.instances i WHERE ${where}`;

const inOrder = 'ORDER BY i.created_at, i.name, i.id';

/** Answers rendered by PostgreSQL: a list is one query, whatever its length. */
@Injectable()
export class DocumentStore {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Stands for the versions of the selected rows: another one as soon as a row was written, came or went. */
  async version(selection: Selection): Promise<string> {
    const { where, params } = selected(selection);
    const rows = await this.database.query<{ version: string | null }>(rowVersions(where), params);
    return rows[0]?.version ?? '';
  }

  async versioned(selection: Selection): Promise<{ version: string; rows: RenderedInstance[] }> {
    const { where, params } = selected(selection);
    const rows = await this.database.query<RenderedInstance & { version: string }>(
      `SELECT (${rowVersions(where)}) AS version, ${shown(instanceJson)} FROM instances.instances i WHERE ${where} ${inOrder}`,
      params,
    );
    return { version: rows[0]?.version ?? '', rows: rows.map(({ version: _version, ...row }) => row) };
  }

  async rendered(selection: Selection): Promise<RenderedInstance[]> {
    const { where, params } = selected(selection);
    return this.database.query<RenderedInstance>(`SELECT ${shown(instanceJson)} FROM instances.instances i WHERE ${where} ${inOrder}`, params);
  }

  /** The rows that come next, with their JSON or without it. */
  async page(selection: Selection, { after, limit, rendered }: { after: Place | undefined; limit: number; rendered: boolean }): Promise<PlacedInstance[]> {
    const { where, params } = selected(selection);
    const begin = after === undefined ? '' : `AND (i.created_at, i.name, i.id) > ($${params.length + 2}::timestamptz, $${params.length + 3}, $${params.length + 4}::uuid)`;
    return this.database.query<PlacedInstance>(
      `SELECT ${shown(rendered ? instanceJson : `''`)}, ${time('i.created_at', '')} AS at FROM instances.instances i WHERE ${where} ${begin} ${inOrder} LIMIT $${params.length + 1}`,
      [...params, limit, ...(after === undefined ? [] : [after.createdAt, after.name, after.id])],
    );
  }

  async isLongerThan(selection: Selection, count: number): Promise<boolean> {
    const { where, params } = selected(selection);
    return (await this.database.query(`SELECT 1 FROM instances.instances i WHERE ${where} OFFSET $${params.length + 1} LIMIT 1`, [...params, count])).length > 0;
  }

  /** JSON text of the selected instances' snapshots, by the instance's id; instances without any are absent. */
  async snapshotLists(selection: Selection): Promise<Map<string, string>> {
    const { where, params } = selected(selection);
    return this.#snapshotLists(where, params);
  }

  /** The same of these instances. */
  async snapshotListsOf(ids: readonly string[]): Promise<Map<string, string>> {
    return this.#snapshotLists('i.id = ANY($1::uuid[])', [ids]);
  }

  async #snapshotLists(where: string, params: unknown[]): Promise<Map<string, string>> {
    const rows = await this.database.query<{ instance_id: string; json: string }>(
      `SELECT s.instance_id, '[' || string_agg(${snapshotJson}, ',' ORDER BY s.created_at, s.name) || ']' AS json
       FROM instances.snapshots s JOIN instances.instances i ON i.id = s.instance_id WHERE ${where} AND s.ready GROUP BY s.instance_id`,
      params,
    );
    return new Map(rows.map((row) => [row.instance_id, row.json]));
  }

  async snapshot(instanceId: string, name: string): Promise<string | undefined> {
    const rows = await this.database.query<{ json: string }>(`SELECT ${snapshotJson} AS json FROM instances.snapshots s WHERE s.instance_id = $1 AND s.name = $2 AND s.ready`, [instanceId, name]);
    return rows[0]?.json;
  }
}

/** Only what is asked about stands in the statement, so that PostgreSQL plans each kind of question with the index that suits it. */
function selected({ projects, type, name, conditions = [] }: Selection): { where: string; params: unknown[] } {
  const params: unknown[] = [];
  const parameter = (value: unknown): string => `$${params.push(value)}`;
  const parts = ['true'];
  if (projects.length === 1) parts.push(`i.project = ${parameter(projects[0])}`);
  if (projects.length > 1) parts.push(`i.project = ANY(${parameter(projects)})`);
  if (type !== '') parts.push(`i.type = ${parameter(type)}`);
  if (name !== undefined && name !== '') parts.push(`i.name = ${parameter(name)}`);
  for (const { expression, value } of conditions) parts.push(`${expression} = ${parameter(value)}`);
  return { where: parts.join(' AND '), params };
}
