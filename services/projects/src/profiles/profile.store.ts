import { Inject, Injectable } from '@nestjs/common';
import { Database, type Unit } from '@asterism/database';

export interface ProfileRow {
  id: string;
  project_id: string;
  name: string;
  description: string;
  config: Record<string, string>;
  devices: Record<string, Record<string, string>>;
}

const columns = 'id, project_id, name, description, config, devices';

/** Rows of projects.profiles. */
@Injectable()
export class ProfileStore {
  constructor(@Inject(Database) private readonly database: Database) {}

  ofProject(projectId: string): Promise<ProfileRow[]> {
    return this.database.query(`SELECT ${columns} FROM projects.profiles WHERE project_id = $1 ORDER BY name COLLATE "C"`, [projectId]);
  }

  async find(projectId: string, name: string): Promise<ProfileRow | undefined> {
    return (await this.database.query<ProfileRow>(`SELECT ${columns} FROM projects.profiles WHERE project_id = $1 AND name = $2`, [projectId, name]))[0];
  }

  /** Those of these names that belong to one of two projects. */
  ofEither(projects: readonly [string, string], names: readonly string[]): Promise<(ProfileRow & { project: string })[]> {
    return this.database.query(
      `SELECT profile.id, project_id, profile.name, profile.description, profile.config, devices, project.name AS project
       FROM projects.profiles profile JOIN projects.projects project ON project.id = project_id WHERE project.name = ANY($1) AND profile.name = ANY($2) AND (profile.leaving_until IS NULL OR profile.leaving_until < now())`,
      [projects, names],
    );
  }

  async lock(unit: Unit, projectId: string, name: string): Promise<ProfileRow | undefined> {
    return (await unit.query<ProfileRow>(`SELECT ${columns} FROM projects.profiles WHERE project_id = $1 AND name = $2 FOR UPDATE`, [projectId, name]))[0];
  }

  async insert(unit: Unit, row: Omit<ProfileRow, 'id'>): Promise<void> {
    await unit.query('INSERT INTO projects.profiles (project_id, name, description, config, devices) VALUES ($1, $2, $3, $4, $5)', [row.project_id, row.name, row.description, row.config, row.devices]);
  }

  async update(unit: Unit, row: Pick<ProfileRow, 'id' | 'description' | 'config' | 'devices'>): Promise<void> {
    await unit.query('UPDATE projects.profiles SET description = $2, config = $3, devices = $4 WHERE id = $1', [row.id, row.description, row.config, row.devices]);
  }

  async rename(unit: Unit, id: string, name: string): Promise<void> {
    await unit.query('UPDATE projects.profiles SET name = $2 WHERE id = $1', [id, name]);
  }

  async delete(unit: Unit, id: string): Promise<void> {
    await unit.query('DELETE FROM projects.profiles WHERE id = $1', [id]);
  }

  /** About to go, unless somebody turns out to use it: from now on nobody new gets it. */
  async leave(id: string): Promise<void> {
    await this.database.query(`UPDATE projects.profiles SET leaving_until = now() + interval '10 seconds' WHERE id = $1`, [id]);
  }

  async stay(id: string): Promise<void> {
    await this.database.query('UPDATE projects.profiles SET leaving_until = NULL WHERE id = $1', [id]);
  }

  async deleteOfProject(unit: Unit, projectId: string): Promise<void> {
    await unit.query('DELETE FROM projects.profiles WHERE project_id = $1', [projectId]);
  }

  /** Names of the profiles of these projects, by project id. */
  async namesByProject(projectIds: readonly string[]): Promise<Map<string, string[]>> {
    const rows = await this.database.query<{ project_id: string; names: string[] }>(
      'SELECT project_id, array_agg(name ORDER BY name COLLATE "C") AS names FROM projects.profiles WHERE project_id = ANY($1) GROUP BY project_id',
      [projectIds],
    );
    return new Map(rows.map((row) => [row.project_id, row.names]));
  }

  /** Profiles of all projects with a device whose option has one of these values. */
  usingDevices(option: string, values: readonly string[]): Promise<{ value: string; project: string; name: string }[]> {
    return this.database.query(
      `SELECT DISTINCT device.value ->> $1 AS value, project.name AS project, profile.name
       FROM projects.profiles profile
       JOIN projects.projects project ON project.id = profile.project_id
       CROSS JOIN LATERAL jsonb_each(profile.devices) device
       WHERE device.value ->> $1 = ANY($2)
       ORDER BY project.name, profile.name`,
      [option, values],
    );
  }
}
