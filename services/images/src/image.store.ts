import type { Unit } from '@asterism/database';
import type { ImageRow, UpdateSource } from './image.js';

type Reader = Pick<Unit, 'query'>;

/** RFC 3339 without trailing zeros, and Go's zero time for NULL. */
function goTime(column: string): string {
  const text = `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')`;
  return `coalesce(regexp_replace(${text}, '\\.?0*$', '') || 'Z', '0001-01-01T00:00:00Z') AS ${column}`;
}

const columns = `project, fingerprint, filename, size::float8 AS size, public, auto_update, cached, architecture, type, properties, profiles, update_source,
  ${['created_at', 'expires_at', 'uploaded_at', 'last_used_at'].map(goTime).join(', ')},
  (SELECT coalesce(json_agg(json_build_object('name', a.name, 'description', a.description) ORDER BY a.id), '[]')
   FROM images.aliases a WHERE a.project = images.project AND a.fingerprint = images.fingerprint) AS aliases`;

/** What an import knows of a new image; times are unix seconds. */
export interface NewImage {
  project: string;
  fingerprint: string;
  filename: string;
  size: number;
  public: boolean;
  auto_update: boolean;
  cached: boolean;
  architecture: string;
  type: string;
  created_at: number;
  expires_at: number;
  properties: Record<string, string>;
  profiles: string[];
  update_source: UpdateSource | undefined;
}

export interface ListedImages {
  project: string;
  publicOnly: boolean;
}

/** Those being made too. */
export async function holdsImages(reader: Reader, project: string): Promise<boolean> {
  return (await reader.query('SELECT 1 FROM images.images WHERE project = $1 LIMIT 1', [project])).length > 0;
}

export async function listImages(reader: Reader, { project, publicOnly }: ListedImages): Promise<ImageRow[]> {
  return reader.query<ImageRow>(
    `SELECT ${columns} FROM images.images WHERE project = $1 AND task IS NULL AND (public OR NOT $2) ORDER BY fingerprint`,
    [project, publicOnly],
  );
}

export async function listFingerprints(reader: Reader, { project, publicOnly }: ListedImages): Promise<string[]> {
  const rows = await reader.query<{ fingerprint: string }>(
    `SELECT fingerprint FROM images.images WHERE project = $1 AND task IS NULL AND (public OR NOT $2) ORDER BY fingerprint`,
    [project, publicOnly],
  );
  return rows.map((row) => row.fingerprint);
}

/** Up to two images whose fingerprints begin so; two mean that the prefix says too little. */
export async function findByPrefix(reader: Reader, project: string, prefix: string): Promise<ImageRow[]> {
  return reader.query<ImageRow>(
    `SELECT ${columns} FROM images.images WHERE project = $1 AND task IS NULL AND starts_with(fingerprint, $2) ORDER BY fingerprint = $2 DESC LIMIT 2`,
    [project, prefix],
  );
}

/** Of those that carry all these properties, the one uploaded last. */
export async function findByProperties(reader: Reader, project: string, properties: Record<string, string>): Promise<ImageRow | undefined> {
  const rows = await reader.query<ImageRow>(
    `SELECT ${columns} FROM images.images WHERE project = $1 AND task IS NULL AND properties @> $2::jsonb ORDER BY images.uploaded_at DESC LIMIT 1`,
    [project, JSON.stringify(properties)],
  );
  return rows[0];
}

/** Whoever asks what other rows share an image's files waits here for those who change that. */
export async function lockFingerprint(unit: Unit, fingerprint: string): Promise<void> {
  await unit.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`image ${fingerprint}`]);
}

/** Takes the image's place for an import; false when the project has it already. Repeating it for the same import is fine. */
export async function reserveImage(unit: Unit, task: string, image: NewImage): Promise<boolean> {
  const rows = await unit.query(
    `INSERT INTO images.images (project, fingerprint, task, filename, size, public, auto_update, architecture, type, created_at, expires_at, properties, profiles, cached, update_source)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, to_timestamp($10), to_timestamp($11), $12, $13, $14, $15)
     ON CONFLICT (project, fingerprint) DO UPDATE SET uploaded_at = now() WHERE images.task = excluded.task RETURNING fingerprint`,
    [
      image.project, image.fingerprint, task, image.filename, image.size, image.public, image.auto_update, image.architecture, image.type,
      image.created_at, image.expires_at, JSON.stringify(image.properties), JSON.stringify(image.profiles), image.cached,
      image.update_source ? JSON.stringify(image.update_source) : null,
    ],
  );
  return rows.length === 1;
}

export async function releaseReservation(unit: Unit, task: string): Promise<void> {
  await unit.query('DELETE FROM images.images WHERE task = $1', [task]);
}

export async function makeUsable(unit: Unit, task: string, place: { fingerprint: string; member: string }): Promise<void> {
  await unit.query('UPDATE images.images SET task = NULL, uploaded_at = now() WHERE task = $1', [task]);
  await unit.query('INSERT INTO images.locations (fingerprint, member) VALUES ($1, $2) ON CONFLICT DO NOTHING', [place.fingerprint, place.member]);
}

/** Hides the image for its deletion; false when somebody else is at it or it is gone. */
export async function holdForDeletion(unit: Unit, task: string, image: { project: string; fingerprint: string }): Promise<boolean> {
  const rows = await unit.query(
    'UPDATE images.images SET task = $1 WHERE project = $2 AND fingerprint = $3 AND (task IS NULL OR task = $1) RETURNING fingerprint',
    [task, image.project, image.fingerprint],
  );
  return rows.length === 1;
}

export async function letGo(unit: Unit, task: string): Promise<void> {
  await unit.query('UPDATE images.images SET task = NULL WHERE task = $1', [task]);
}

/** Whether any project has the image beside the row that this task holds. */
export async function isShared(unit: Unit, fingerprint: string, task: string): Promise<boolean> {
  const rows = await unit.query('SELECT 1 FROM images.images WHERE fingerprint = $1 AND task IS DISTINCT FROM $2 LIMIT 1', [fingerprint, task]);
  return rows.length > 0;
}

export async function membersOf(reader: Reader, fingerprint: string): Promise<string[]> {
  const rows = await reader.query<{ member: string }>('SELECT member FROM images.locations WHERE fingerprint = $1 ORDER BY member', [fingerprint]);
  return rows.map((row) => row.member);
}

export async function forgetLocations(unit: Unit, fingerprint: string): Promise<void> {
  await unit.query('DELETE FROM images.locations WHERE fingerprint = $1', [fingerprint]);
}

export async function touchImage(reader: Reader, image: { project: string; fingerprint: string }): Promise<void> {
  await reader.query('UPDATE images.images SET last_used_at = now() WHERE project = $1 AND fingerprint = $2', [image.project, image.fingerprint]);
}

/** What a PUT or PATCH may change; expires_at is RFC 3339 or null to keep. */
export interface ImageChange {
  public: boolean;
  auto_update: boolean;
  properties: Record<string, string>;
  profiles: string[];
  expires_at_ms: number | undefined;
}

/** Changes of one image follow one another. */
export async function lockImage(unit: Unit, project: string, fingerprint: string): Promise<void> {
  await unit.query('SELECT 1 FROM images.images WHERE project = $1 AND fingerprint = $2 FOR UPDATE', [project, fingerprint]);
}

export async function changeImage(unit: Unit, image: { project: string; fingerprint: string }, change: ImageChange): Promise<void> {
  await unit.query(
    `UPDATE images.images SET public = $3, auto_update = $4, properties = $5, profiles = $6,
       expires_at = CASE WHEN $7::float8 IS NULL THEN expires_at ELSE to_timestamp($7::float8 / 1000) END
     WHERE project = $1 AND fingerprint = $2`,
    [image.project, image.fingerprint, change.public, change.auto_update, JSON.stringify(change.properties), JSON.stringify(change.profiles), change.expires_at_ms ?? null],
  );
}

/** Cached images that nobody used for so many days. */
export async function listExpired(reader: Reader, cacheDays: number): Promise<{ project: string; fingerprint: string }[]> {
  return reader.query(
    `SELECT project, fingerprint FROM images.images
     WHERE task IS NULL AND cached AND $1 > 0 AND coalesce(last_used_at, uploaded_at) < now() - make_interval(days => $1)`,
    [cacheDays],
  );
}

/** Images that want to follow what their source offers. */
export async function listAutoUpdated(reader: Reader): Promise<ImageRow[]> {
  return reader.query<ImageRow>(`SELECT ${columns} FROM images.images WHERE task IS NULL AND auto_update AND update_source IS NOT NULL`);
}
