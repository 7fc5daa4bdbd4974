import { Inject, Injectable } from '@nestjs/common';
import { soleMember } from '@asterism/agents';
import { Database, type Unit } from '@asterism/database';
import type { cluster } from '@asterism/proto';
import type { NodeFacts } from '../kubernetes/node-facts.js';
import type { HostEnvironment } from '../server/server-environment.js';

export interface MemberRow {
  name: string;
  /** Of its agent, host:port; empty where it shares the process of the control plane. */
  address: string;
  /** Of its API, host:port. */
  server_address: string;
  architecture: string;
  environment: HostEnvironment;
  former_names: string[];
  failure_domain: string;
  description: string;
  has_control_plane: boolean;
  /** Nothing new is placed there. */
  cordoned: boolean;
  /** It was emptied of its instances. */
  evacuated: boolean;
  groups: string[];
  config: Record<string, string>;
  seen_at: Date;
  /** Seconds since the agent last announced itself. */
  age: number;
  /** As the others were told. */
  is_online: boolean;
  /** With a certificate that the cluster's own authority signed. */
  joined: boolean;
}

/** What a member says of itself. */
export type Beat = Pick<MemberRow, 'name' | 'address' | 'architecture' | 'environment'>;

/** A member that was heard of, and whether the others know. */
export type Seen = Pick<MemberRow, 'name' | 'is_online'>;

export type NewMember = Pick<MemberRow, 'name' | 'address' | 'server_address' | 'architecture'>;

const columns = `name, address, server_address, architecture, former_names, failure_domain, description, has_control_plane, cordoned, evacuated, groups, config, seen_at,
  extract(epoch FROM now() - seen_at)::float AS age, is_online, fingerprint <> '' AS joined`;

const select = `SELECT ${columns}, environment FROM cluster.members`;

/** Rows of cluster.members: the hosts whose agents have announced themselves, and those that were accepted to do so. */
@Injectable()
export class MemberStore {
  constructor(@Inject(Database) private readonly database: Database) {}

  list(): Promise<MemberRow[]> {
    return this.database.query(`${select} ORDER BY name COLLATE "C"`);
  }

  /** What their hosts are like is the larger part of the rows. */
  listWithoutEnvironment(): Promise<Omit<MemberRow, 'environment'>[]> {
    return this.database.query(`SELECT ${columns} FROM cluster.members ORDER BY name COLLATE "C"`);
  }

  names(): Promise<Pick<MemberRow, 'name'>[]> {
    return this.database.query('SELECT name FROM cluster.members');
  }

  /** By its name, or one it had. */
  async find(name: string): Promise<MemberRow | undefined> {
    return (await this.database.query<MemberRow>(`${select} WHERE name = $1 OR $1 = ANY(former_names) ORDER BY name <> $1 LIMIT 1`, [name]))[0];
  }

  /** Nobody else changes who is a member until the unit ends. */
  async lock(unit: Unit): Promise<Omit<MemberRow, 'environment'>[]> {
    await unit.query('LOCK TABLE cluster.members IN SHARE ROW EXCLUSIVE MODE');
    return unit.query(`SELECT ${columns} FROM cluster.members ORDER BY name COLLATE "C"`);
  }

  /** In the order of the beats; undefined for a member that nobody knows. Lost beats come again: nobody waits for the disk. */
  async seen(beats: readonly Beat[]): Promise<(Seen | undefined)[]> {
    const rows = await this.database.transact(
      (unit) =>
        unit.query<Seen>(
          `UPDATE cluster.members AS member SET address = beat.address, architecture = beat.architecture, environment = beat.environment, seen_at = now()
           FROM json_to_recordset($1::json) AS beat(name text, address text, architecture text, environment jsonb) WHERE member.name = beat.name RETURNING member.name, member.is_online`,
          [JSON.stringify([...new Map(beats.map((beat) => [beat.name, beat])).values()])],
        ),
      { relaxed: true },
    );
    const byName = new Map(rows.map((row) => [row.name, row]));
    return Promise.all(beats.map((beat) => byName.get(beat.name) ?? this.#seenUnderFormerName(beat)));
  }

  async #seenUnderFormerName({ name, address, architecture, environment }: Beat): Promise<Seen | undefined> {
    const rows = await this.database.query<Seen>(
      `UPDATE cluster.members SET address = $2, architecture = $3, environment = $4, seen_at = now()
       WHERE name = (SELECT name FROM cluster.members WHERE $1 = ANY(former_names) LIMIT 1) RETURNING name, is_online`,
      [name, address, architecture, environment],
    );
    return rows[0];
  }

  /** Nobody has heard of it yet. */
  async insert(unit: Unit, member: NewMember): Promise<void> {
    const { name, address, server_address, architecture } = member;
    await unit.query(
      `INSERT INTO cluster.members (name, address, server_address, architecture, environment, seen_at, is_online) VALUES ($1, $2, $3, $4, '{}', 'epoch', false) ON CONFLICT (name) DO NOTHING`,
      [name, address, server_address, architecture],
    );
    await unit.query('UPDATE cluster.members SET former_names = array_remove(former_names, $1::text) WHERE $1 = ANY(former_names)', [name]);
  }

  async rename(unit: Unit, member: string, name: string): Promise<void> {
    await unit.query('UPDATE cluster.members SET former_names = array_remove(former_names, $1::text) WHERE $1 = ANY(former_names)', [name]);
    await unit.query('UPDATE cluster.members SET name = $2, former_names = array_append(former_names, $1::text) WHERE name = $1::text', [member, name]);
  }

  /** The host without a cluster becomes the first member of one. */
  async lead(unit: Unit, member: string, serverAddress: string): Promise<void> {
    await unit.query('UPDATE cluster.members SET server_address = $2, has_control_plane = true WHERE name = $1', [member, serverAddress]);
  }

  async update(unit: Unit, { name, failure_domain, description, config, groups }: Pick<MemberRow, 'name' | 'failure_domain' | 'description' | 'config' | 'groups'>): Promise<void> {
    await unit.query('UPDATE cluster.members SET failure_domain = $2, description = $3, config = $4, groups = $5 WHERE name = $1', [name, failure_domain, description, config, groups]);
  }

  /** Whether it was not so before. What takes back changes only what the same operation had set. */
  async setEvacuated(unit: Unit, { name, evacuated, by, takes_back }: cluster.MemberEvacuation): Promise<boolean> {
    const rows = await unit.query(
      'UPDATE cluster.members SET evacuated = $2, state_set_by = $3 WHERE name = $1 AND evacuated <> $2 AND (state_set_by = $3 OR NOT $4) RETURNING name',
      [name, evacuated, by, takes_back],
    );
    return rows.length > 0;
  }

  /** Whether this operation was the last to say if the member is evacuated. */
  async isStateSetBy(unit: Unit, name: string, by: string): Promise<boolean> {
    return (await unit.query('SELECT FROM cluster.members WHERE name = $1 AND state_set_by = $2', [name, by])).length > 0;
  }

  /** What the nodes of members say of them; answers whose rows it changed. */
  async follow(unit: Unit, nodes: readonly NodeFacts[]): Promise<string[]> {
    const rows = await unit.query<{ name: string }>(
      `UPDATE cluster.members AS member
       SET failure_domain = coalesce(node."failureDomain", member.failure_domain), description = coalesce(node.description, member.description), cordoned = node.cordoned
       FROM json_to_recordset($1::json) AS node (member text, "failureDomain" text, description text, cordoned boolean)
       WHERE (member.name = node.member OR node.member = ANY(member.former_names)) AND (member.failure_domain, member.description, member.cordoned)
         IS DISTINCT FROM (coalesce(node."failureDomain", member.failure_domain), coalesce(node.description, member.description), node.cordoned)
       RETURNING member.name`,
      [JSON.stringify(nodes)],
    );
    return rows.map(({ name }) => name);
  }

  async setFingerprint(unit: Unit, name: string, fingerprint: string): Promise<void> {
    await unit.query('UPDATE cluster.members SET fingerprint = $2 WHERE name = $1', [name, fingerprint]);
  }

  /** Remembers by which joining a member came. */
  async setJoin(unit: Unit, name: string, hash: string): Promise<void> {
    await unit.query('UPDATE cluster.members SET join_hash = $2 WHERE name = $1', [name, hash]);
  }

  async cameBy(name: string, hash: string): Promise<boolean> {
    return (await this.database.query('SELECT 1 FROM cluster.members WHERE name = $1 AND join_hash = $2', [name, hash])).length > 0;
  }

  async revoked(): Promise<string[]> {
    return (await this.database.query<{ fingerprint: string }>('SELECT fingerprint FROM cluster.revoked')).map(({ fingerprint }) => fingerprint);
  }

  /** Answers of which that was not known. */
  async setOnline(unit: Unit, names: readonly string[], online: boolean): Promise<string[]> {
    return (await unit.query<{ name: string }>('UPDATE cluster.members SET is_online = $2 WHERE name = ANY($1) AND is_online <> $2 RETURNING name', [names, online])).map(({ name }) => name);
  }

  /** With the certificate that it had. */
  async delete(unit: Unit, name: string): Promise<void> {
    await unit.query(`INSERT INTO cluster.revoked SELECT fingerprint FROM cluster.members WHERE name = $1 AND fingerprint <> '' ON CONFLICT DO NOTHING`, [name]);
    await unit.query('DELETE FROM cluster.members WHERE name = $1', [name]);
  }
}

/** A host alone is called "none". */
export function isClustered(members: readonly Pick<MemberRow, 'name'>[]): boolean {
  return members.some(({ name }) => name !== soleMember);
}
