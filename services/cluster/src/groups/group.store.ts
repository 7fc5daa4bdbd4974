import { Database, type Unit } from '@asterism/database';
import { Inject, Injectable } from '@nestjs/common';

export interface GroupRow {
  name: string;
  description: string;
  members: string[];
}

const select = `
  SELECT name, description, ARRAY(SELECT member.name FROM cluster.members AS member WHERE groups.name = ANY(member.groups) ORDER BY member.name COLLATE "C") AS members
  FROM cluster.groups AS groups`;

/** Rows of cluster.groups; which of them a member is in stands in its own row. */
@Injectable()
export class GroupStore {
  constructor(@Inject(Database) private readonly database: Database) {}

  list(): Promise<GroupRow[]> {
    return this.database.query(`${select} ORDER BY name COLLATE "C"`);
  }

  async find(name: string): Promise<GroupRow | undefined> {
    return (await this.database.query<GroupRow>(`${select} WHERE groups.name = $1`, [name]))[0];
  }

  async insert(unit: Unit, name: string, description: string): Promise<void> {
    await unit.query('INSERT INTO cluster.groups (name, description) VALUES ($1, $2)', [name, description]);
  }

  async describe(unit: Unit, name: string, description: string): Promise<void> {
    await unit.query('UPDATE cluster.groups SET description = $2 WHERE name = $1', [name, description]);
  }

  /** These members are in the group from now on, others are not. */
  async setMembers(unit: Unit, name: string, members: readonly string[]): Promise<void> {
    await unit.query('UPDATE cluster.members SET groups = array_remove(groups, $1::text) WHERE $1::text = ANY(groups) AND name <> ALL($2)', [name, members]);
    await unit.query('UPDATE cluster.members SET groups = array_append(groups, $1::text) WHERE name = ANY($2) AND $1::text <> ALL(groups)', [name, members]);
  }

  async rename(unit: Unit, name: string, newName: string): Promise<void> {
    await unit.query('UPDATE cluster.groups SET name = $2 WHERE name = $1', [name, newName]);
    await unit.query('UPDATE cluster.members SET groups = array_replace(groups, $1::text, $2::text) WHERE $1::text = ANY(groups)', [name, newName]);
  }

  async delete(unit: Unit, name: string): Promise<void> {
    await unit.query('DELETE FROM cluster.groups WHERE name = $1', [name]);
  }
}
