import type { Unit } from '@asterism/database';

type Reader = Pick<Unit, 'query'>;

export interface AliasRow {
  name: string;
  description: string;
  target: string;
  type: string;
  public: boolean;
}

export interface AliasKey {
  project: string;
  name: string;
}

const select = `SELECT a.name, a.description, a.fingerprint AS target, i.type, i.public
  FROM images.aliases a JOIN images.images i ON i.project = a.project AND i.fingerprint = a.fingerprint`;

export async function listAliases(reader: Reader, project: string, publicOnly: boolean): Promise<AliasRow[]> {
  return reader.query<AliasRow>(`${select} WHERE a.project = $1 AND (i.public OR NOT $2) ORDER BY a.name COLLATE "C"`, [project, publicOnly]);
}

export async function findAlias(reader: Reader, { project, name }: AliasKey): Promise<AliasRow | undefined> {
  return (await reader.query<AliasRow>(`${select} WHERE a.project = $1 AND a.name = $2`, [project, name]))[0];
}

/** Changes of one alias follow one another. */
export async function lockAlias(unit: Unit, { project, name }: AliasKey): Promise<void> {
  await unit.query('SELECT 1 FROM images.aliases WHERE project = $1 AND name = $2 FOR UPDATE', [project, name]);
}

export async function insertAlias(unit: Unit, key: AliasKey, alias: { description: string; target: string }): Promise<void> {
  await unit.query('INSERT INTO images.aliases (project, name, description, fingerprint) VALUES ($1, $2, $3, $4)', [key.project, key.name, alias.description, alias.target]);
}

export async function changeAlias(unit: Unit, key: AliasKey, alias: { description: string; target: string }): Promise<void> {
  await unit.query('UPDATE images.aliases SET description = $3, fingerprint = $4 WHERE project = $1 AND name = $2', [key.project, key.name, alias.description, alias.target]);
}

export async function renameAlias(unit: Unit, key: AliasKey, newName: string): Promise<void> {
  await unit.query('UPDATE images.aliases SET name = $3 WHERE project = $1 AND name = $2', [key.project, key.name, newName]);
}

export async function deleteAlias(unit: Unit, key: AliasKey): Promise<void> {
  await unit.query('DELETE FROM images.aliases WHERE project = $1 AND name = $2', [key.project, key.name]);
}

/** Every alias of one image comes to mean another. */
export async function moveAliases(unit: Unit, move: { project: string; from: string; to: string }): Promise<void> {
  await unit.query('UPDATE images.aliases SET fingerprint = $3 WHERE project = $1 AND fingerprint = $2', [move.project, move.from, move.to]);
}
