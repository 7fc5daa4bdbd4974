import { BackupStore } from '@asterism/backups';
import { instanceKeys } from '@asterism/config-keys';
import { Database, type Unit } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import { Inject, Injectable } from '@nestjs/common';
import { statusCodes, type Busy, type Config, type Devices, type InstanceRow, type Status } from './instance.js';

/** What a new row needs; the rest has defaults. */
export type NewInstance = Omit<InstanceRow, 'status' | 'status_code' | 'stateful' | 'created_at' | 'last_used_at' | 'volume_path'>;

export type Whereabouts = Pick<InstanceRow, 'id' | 'type' | 'member' | 'status' | 'status_code'>;

/** What an instance should be. */
export interface Standing extends Pick<InstanceRow, 'id' | 'project' | 'name' | 'member' | 'status' | 'busy'> {
  /** Another one as soon as the row was written. */
  version: string;
}

/** Either transaction or plain reads. */
type Reader = Pick<Unit, 'query'>;

/** Rows of instances.instances. */
@Injectable()
export class InstanceStore {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** The instance, or "Instance not found". */
  async get(project: string, name: string, view = ''): Promise<InstanceRow> {
    return found(await this.database.query<InstanceRow>(`SELECT * FROM instances.instances WHERE project = $1 AND name = $2`, [project, name]), view);
  }

  /** What tells where an instance runs, or "Instance not found". */
  async whereabouts(project: string, name: string, view = ''): Promise<Whereabouts> {
    return found(await this.database.query<Whereabouts>(`SELECT id, type, member, status, status_code FROM instances.instances WHERE project = $1 AND name = $2`, [project, name]), view);
  }

  async byId(id: string): Promise<InstanceRow | undefined> {
    return (await this.database.query<InstanceRow>(`SELECT * FROM instances.instances WHERE id = $1`, [id]))[0];
  }

  async byIds(ids: readonly string[]): Promise<InstanceRow[]> {
    return this.database.query<InstanceRow>(`SELECT * FROM instances.instances WHERE id = ANY($1::uuid[])`, [ids]);
  }

  async ofMember(member: string): Promise<InstanceRow[]> {
    return this.database.query<InstanceRow>(`SELECT * FROM instances.instances WHERE member = $1 ORDER BY created_at`, [member]);
  }

  /** Of each on a member what its agent can be asked about, and the version of its row. */
  async standingsOn(member: string): Promise<Standing[]> {
    return this.database.query<Standing>(`SELECT id, project, name, member, status, busy, xmin::text || ctid::text AS version FROM instances.instances WHERE member = $1`, [member]);
  }

  /** Wherever they are by now. */
  async evacuatedFrom(member: string): Promise<InstanceRow[]> {
    return this.database.query<InstanceRow>(`SELECT * FROM instances.instances WHERE config->>'${instanceKeys.volatileEvacuateOrigin.name}' = $1 ORDER BY created_at`, [member]);
  }

  async ofProject(project: string, type = ''): Promise<InstanceRow[]> {
    return this.database.query<InstanceRow>(`SELECT * FROM instances.instances WHERE project = $1 AND ($2 = '' OR type = $2) ORDER BY created_at`, [project, type]);
  }

  /** Instances whose nics have one of these MACs or addresses. */
  async naming(addresses: readonly string[], exceptId: string | undefined): Promise<InstanceRow[]> {
    return this.database.query<InstanceRow>(
      `SELECT * FROM instances.instances WHERE ($2::uuid IS NULL OR id <> $2) AND (
         EXISTS (SELECT 1 FROM json_each(expanded_devices) d WHERE lower(d.value->>'hwaddr') = ANY($1) OR d.value->>'ipv4.address' = ANY($1) OR d.value->>'ipv6.address' = ANY($1))
         OR EXISTS (SELECT 1 FROM json_each_text(config) c WHERE c.key LIKE 'volatile.%.hwaddr' AND c.value = ANY($1)))`,
      [addresses.map((address) => address.toLowerCase()), exceptId ?? null],
    );
  }

  async usingProfile(projects: readonly string[], profile: string): Promise<InstanceRow[]> {
    return this.database.query<InstanceRow>(
      `SELECT * FROM instances.instances WHERE project = ANY($1) AND profiles::jsonb @> to_jsonb($2::text) ORDER BY created_at`,
      [projects, profile],
    );
  }

  /** Instances among whose devices a custom volume is, whichever project's. */
  async withVolume(pool: string, volume: string): Promise<InstanceRow[]> {
    return this.database.query<InstanceRow>(
      `SELECT * FROM instances.instances WHERE EXISTS (SELECT 1 FROM json_each(expanded_devices) d WHERE d.value->>'type' = 'disk' AND d.value->>'pool' = $1 AND d.value->>'source' = $2) ORDER BY created_at`,
      [pool, volume],
    );
  }

  /** Every project that has instances. */
  async projects(): Promise<string[]> {
    return (await this.database.query<{ project: string }>(`SELECT DISTINCT project FROM instances.instances`)).map((row) => row.project);
  }

  /** Holds the row until the transaction ends. */
  async lock(unit: Unit, project: string, name: string, view = ''): Promise<InstanceRow> {
    return found(await unit.query<InstanceRow>(`SELECT * FROM instances.instances WHERE project = $1 AND name = $2 FOR UPDATE`, [project, name]), view);
  }

  /** True when nobody has written the row since this version, and nobody will until the transaction ends. */
  async lockVersion(unit: Unit, { id, version }: Standing): Promise<boolean> {
    return (await unit.query(`SELECT 1 FROM instances.instances WHERE id = $1 AND xmin::text || ctid::text = $2 FOR UPDATE`, [id, version])).length > 0;
  }

  async lockById(unit: Unit, id: string): Promise<InstanceRow> {
    return found(await unit.query<InstanceRow>(`SELECT * FROM instances.instances WHERE id = $1 FOR UPDATE`, [id]));
  }

  insert(unit: Unit, row: NewInstance): void {
    unit.run(
      `WITH taken AS (INSERT INTO instances.names (project, name, instance_id) VALUES ($2, $3, $1))
       INSERT INTO instances.instances (id, project, name, type, architecture, description, ephemeral, config, devices, profiles, expanded_config, expanded_devices,
         member, pool, pool_driver, busy, busy_task)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
      [row.id, row.project, row.name, row.type, row.architecture, row.description, row.ephemeral, ...jsonColumns(row), row.member, row.pool, row.pool_driver, row.busy, row.busy_task],
    );
  }

  /** Takes a second name for a rename; a name in use is refused. */
  async takeName(unit: Unit, row: InstanceRow, name: string): Promise<void> {
    if (name === row.name) return;
    const taken = await unit.query(`INSERT INTO instances.names (project, name, instance_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING name`, [row.project, name, row.id]);
    if (taken.length === 0) throw new LxdError('conflict', `Name "${name}" already in use`);
  }

  /** Gives back every name of an instance but this one. */
  async keepName(unit: Unit, id: string, name: string): Promise<void> {
    await unit.query(`DELETE FROM instances.names WHERE instance_id = $1 AND name <> $2`, [id, name]);
  }

  setBusy(unit: Unit, id: string, busy: Busy, task: string): void {
    unit.run(`UPDATE instances.instances SET busy = $2, busy_task = $3 WHERE id = $1`, [id, busy, task]);
  }

  /** Gives the instance free, if this task still holds it. */
  async release(unit: Unit, id: string, task: string): Promise<void> {
    await unit.query(`UPDATE instances.instances SET busy = NULL, busy_task = NULL WHERE id = $1 AND busy_task = $2`, [id, task]);
  }

  /** Writes what a change may touch and gives the instance free. */
  async finish(unit: Unit, row: InstanceRow): Promise<void> {
    await this.write(unit, { ...row, busy: null, busy_task: null });
  }

  /** What the member made of a new instance; it is free from now on. */
  finishCreation(unit: Unit, row: InstanceRow): void {
    unit.run(`UPDATE instances.instances SET config = $2, expanded_config = $3, volume_path = $4, busy = NULL, busy_task = NULL WHERE id = $1`, [
      row.id,
      JSON.stringify(row.config),
      JSON.stringify(row.expanded_config),
      row.volume_path,
    ]);
  }

  /** Of an instance that was one before; what is not known stays. */
  setTimes(unit: Unit, id: string, times: { createdAt: Date | undefined; lastUsedAt: Date | undefined }): void {
    unit.run(`UPDATE instances.instances SET created_at = coalesce($2, created_at), last_used_at = coalesce($3, last_used_at) WHERE id = $1`, [id, times.createdAt ?? null, times.lastUsedAt ?? null]);
  }

  /** Files of the backups of an instance that is going, those being written too: none of them becomes ready any more. */
  doomBackups(id: string): Promise<{ id: string; member: string }[]> {
    return new BackupStore(this.database).doom(id);
  }

  async write(unit: Unit, row: InstanceRow): Promise<void> {
    await unit.query(
      `UPDATE instances.instances SET name = $2, architecture = $3, description = $4, ephemeral = $5, stateful = $6, config = $7, devices = $8, profiles = $9,
         expanded_config = $10, expanded_devices = $11, volume_path = $12, status = $13, status_code = $14, busy = $15, busy_task = $16, last_used_at = $17, pool = $18, pool_driver = $19, member = $20
       WHERE id = $1`,
      [row.id, row.name, row.architecture, row.description, row.ephemeral, row.stateful, ...jsonColumns(row), row.volume_path, row.status, statusCodes[row.status], row.busy, row.busy_task, row.last_used_at, row.pool, row.pool_driver, row.member],
    );
  }

  async setStatus(unit: Reader, id: string, status: Status): Promise<void> {
    await unit.query(`UPDATE instances.instances SET status = $2, status_code = $3 WHERE id = $1`, [id, status, statusCodes[status]]);
  }

  /** Of all on a member but those that a task holds. */
  async setStatusOn(member: string, status: Status): Promise<void> {
    await this.database.query(`UPDATE instances.instances SET status = $2, status_code = $3 WHERE member = $1 AND busy IS NULL AND status <> $2`, [member, status, statusCodes[status]]);
  }

  deleteNamed(unit: Unit, { project, name }: Pick<InstanceRow, 'project' | 'name'>): void {
    unit.run(`DELETE FROM instances.instances WHERE project = $1 AND name = $2`, [project, name]);
  }

  delete(unit: Unit, id: string): void {
    unit.run(`DELETE FROM instances.instances WHERE id = $1`, [id]);
  }

  async exists(project: string, name: string): Promise<boolean> {
    return (await this.database.query(`SELECT 1 FROM instances.instances WHERE project = $1 AND name = $2`, [project, name])).length > 0;
  }
}

function found<R extends Pick<InstanceRow, 'type'>>(rows: R[], view = ''): R {
  const row = rows[0];
  const hidden = (view === 'containers' && row?.type !== 'container') || (view === 'virtual-machines' && row?.type !== 'virtual-machine');
  if (!row || hidden) throw new LxdError('not-found', 'Instance not found');
  return row;
}

export function jsonColumns(row: { config: Config; devices: Devices; profiles: string[]; expanded_config: Config; expanded_devices: Devices }): string[] {
  return [row.config, row.devices, row.profiles, row.expanded_config, row.expanded_devices].map((value) => JSON.stringify(value));
}
