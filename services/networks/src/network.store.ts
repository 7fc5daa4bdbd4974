import { Inject, Injectable } from '@nestjs/common';
import { Database, type Unit } from '@asterism/database';

/** A managed network. */
export interface NetworkRow {
  id: string;
  project: string;
  name: string;
  type: string;
  description: string;
  config: Record<string, string>;
  status: 'pending' | 'created';
  /** Config that belongs to a member, by member. */
  members: Record<string, Record<string, string>>;
  /** Pending until the second half of its creation is asked for. */
  promised: boolean;
}

export type NewNetwork = Omit<NetworkRow, 'id' | 'status'>;

const columns = `id, project, name, type, description, config, status, promised,
  (SELECT coalesce(jsonb_object_agg(m.member, m.config), '{}') FROM networks.members m WHERE m.network_id = networks.id) AS members`;

/** Rows of networks.networks. */
@Injectable()
export class NetworkStore {
  constructor(@Inject(Database) private readonly database: Database) {}

  ofProject(project: string): Promise<NetworkRow[]> {
    return this.database.query(`SELECT ${columns} FROM networks.networks WHERE project = $1 ORDER BY name COLLATE "C"`, [project]);
  }

  named(project: string, names: readonly string[]): Promise<NetworkRow[]> {
    return this.database.query(`SELECT ${columns} FROM networks.networks WHERE project = $1 AND name = ANY($2)`, [project, names]);
  }

  async find(project: string, name: string): Promise<NetworkRow | undefined> {
    return (await this.named(project, [name]))[0];
  }

  /** Those that may be given to somebody. */
  available(project: string, names: readonly string[]): Promise<NetworkRow[]> {
    return this.database.query(`SELECT ${columns} FROM networks.networks WHERE project = $1 AND name = ANY($2) AND (leaving_until IS NULL OR leaving_until < now())`, [project, names]);
  }

  /** About to go, unless somebody turns out to use it: from now on nobody new gets it. */
  async leave(id: string): Promise<void> {
    await this.database.query(`UPDATE networks.networks SET leaving_until = now() + interval '30 seconds' WHERE id = $1`, [id]);
  }

  async stay(id: string): Promise<void> {
    await this.database.query('UPDATE networks.networks SET leaving_until = NULL WHERE id = $1', [id]);
  }

  all(): Promise<NetworkRow[]> {
    return this.database.query(`SELECT ${columns} FROM networks.networks ORDER BY created_at`);
  }

  /** And whether somebody is about to delete it. */
  async allWithLeaving(reader: Pick<Unit, 'query'> = this.database): Promise<(NetworkRow & { leaving: boolean })[]> {
    return reader.query(`SELECT ${columns}, coalesce(leaving_until > now(), false) AS leaving FROM networks.networks ORDER BY created_at`);
  }

  /** Until the unit ends nobody else writes or locks a row. */
  async holdAll(unit: Unit): Promise<void> {
    await unit.query('LOCK TABLE networks.networks IN EXCLUSIVE MODE');
  }

  /** Creations under way for longer than this. */
  pendingFor(seconds: number): Promise<NetworkRow[]> {
    return this.database.query(`SELECT ${columns} FROM networks.networks WHERE status = 'pending' AND NOT promised AND created_at <= now() - make_interval(secs => $1)`, [seconds]);
  }

  /** The row, kept from others until the unit ends. */
  async lock(unit: Unit, project: string, name: string): Promise<NetworkRow | undefined> {
    return (await unit.query<NetworkRow>(`SELECT ${columns} FROM networks.networks WHERE project = $1 AND name = $2 FOR UPDATE`, [project, name]))[0];
  }

  async insert(unit: Unit, network: NewNetwork): Promise<void> {
    await unit.query(`INSERT INTO networks.networks (project, name, type, description, config, status, promised) VALUES ($1, $2, $3, $4, $5, 'pending', $6)`, [
      network.project,
      network.name,
      network.type,
      network.description,
      JSON.stringify(network.config),
      network.promised,
    ]);
  }

  async setMember(unit: Unit, id: string, member: string, config: Record<string, string>): Promise<void> {
    await unit.query(
      `INSERT INTO networks.members (network_id, member, config) VALUES ($1, $2, $3) ON CONFLICT (network_id, member) DO UPDATE SET config = excluded.config`,
      [id, member, JSON.stringify(config)],
    );
  }

  /** Its creation has begun, or is taken back. */
  async setPromised(unit: Unit, { id, description, config }: Pick<NetworkRow, 'id' | 'description' | 'config'>, promised: boolean): Promise<void> {
    await unit.query('UPDATE networks.networks SET promised = $2, description = $3, config = $4, created_at = now() WHERE id = $1', [id, promised, description, JSON.stringify(config)]);
  }

  async markCreated(unit: Unit, project: string, name: string): Promise<void> {
    await unit.query(`UPDATE networks.networks SET status = 'created' WHERE project = $1 AND name = $2`, [project, name]);
  }

  async update(unit: Unit, { id, description, config }: Pick<NetworkRow, 'id' | 'description' | 'config'>): Promise<void> {
    await unit.query('UPDATE networks.networks SET description = $2, config = $3 WHERE id = $1', [id, description, JSON.stringify(config)]);
  }

  async rename(unit: Unit, id: string, name: string): Promise<void> {
    await unit.query('UPDATE networks.networks SET name = $2 WHERE id = $1', [id, name]);
  }

  async delete(unit: Unit, project: string, name: string): Promise<void> {
    await unit.query('DELETE FROM networks.networks WHERE project = $1 AND name = $2', [project, name]);
  }
}
