import { Inject, Injectable } from '@nestjs/common';
import { Database, type Unit } from '@asterism/database';

export interface ProjectRow {
  id: string;
  name: string;
  description: string;
  config: Record<string, string>;
}

const columns = 'id, name, description, config';

/** Rows of projects.projects. */
@Injectable()
export class ProjectStore {
  constructor(@Inject(Database) private readonly database: Database) {}

  list(): Promise<ProjectRow[]> {
    return this.database.query(`SELECT ${columns} FROM projects.projects ORDER BY name COLLATE "C"`);
  }

  async find(name: string): Promise<ProjectRow | undefined> {
    return (await this.database.query<ProjectRow>(`SELECT ${columns} FROM projects.projects WHERE name = $1`, [name]))[0];
  }

  /** Locks the row until the unit ends. */
  async lock(unit: Unit, name: string): Promise<ProjectRow | undefined> {
    return (await unit.query<ProjectRow>(`SELECT ${columns} FROM projects.projects WHERE name = $1 FOR UPDATE`, [name]))[0];
  }

  async insert(unit: Unit, row: Omit<ProjectRow, 'id'>): Promise<string> {
    const inserted = await unit.query<{ id: string }>('INSERT INTO projects.projects (name, description, config) VALUES ($1, $2, $3) RETURNING id', [row.name, row.description, row.config]);
    return inserted[0]!.id;
  }

  async update(unit: Unit, row: Omit<ProjectRow, 'name'>): Promise<void> {
    await unit.query('UPDATE projects.projects SET description = $2, config = $3 WHERE id = $1', [row.id, row.description, row.config]);
  }

  async rename(unit: Unit, id: string, name: string): Promise<void> {
    await unit.query('UPDATE projects.projects SET name = $2 WHERE id = $1', [id, name]);
  }

  async delete(unit: Unit, id: string): Promise<void> {
    await unit.query('DELETE FROM projects.projects WHERE id = $1', [id]);
  }

  /** Beside the default one. */
  async hasOtherProfiles(unit: Unit, id: string): Promise<boolean> {
    return (await unit.query(`SELECT 1 FROM projects.profiles WHERE project_id = $1 AND name <> 'default' LIMIT 1`, [id])).length > 0;
  }

  /** About to go, unless something turns out to be in it. */
  async leave(id: string): Promise<void> {
    await this.database.query(`UPDATE projects.projects SET leaving_until = now() + interval '20 seconds' WHERE id = $1`, [id]);
  }

  async stay(id: string): Promise<void> {
    await this.database.query('UPDATE projects.projects SET leaving_until = NULL WHERE id = $1', [id]);
  }

  async isStaying(name: string): Promise<boolean> {
    return (await this.database.query('SELECT 1 FROM projects.projects WHERE name = $1 AND (leaving_until IS NULL OR leaving_until < now())', [name])).length > 0;
  }

  /** Ids of these names; a missing one is left out. */
  ids(unit: Unit, names: readonly string[]): Promise<{ id: string; name: string }[]> {
    return unit.query('SELECT id, name FROM projects.projects WHERE name = ANY($1)', [names]);
  }
}
