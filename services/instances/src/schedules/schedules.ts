import { instanceKeys, isDue, isTrueKey, valueOf } from '@asterism/config-keys';
import { Database } from '@asterism/database';
import { systemCall } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import { Admission } from '../admission.js';
import { InstanceBackups } from '../backups/instance-backups.js';
import { isRunning, type InstanceRow } from '../instance.js';
import { InstanceTasks } from '../instance-tasks.js';
import { acceptSnapshot } from '../snapshots/snapshot-tasks.js';
import { TaskParts } from '../task-parts.js';

const minuteMs = 60_000;

interface Expired {
  project: string;
  name: string;
  snapshot: string;
  snapshot_id: string;
}

/** Every minute: snapshots that are due are taken; snapshots and backups whose time is over are removed. */
@Injectable()
export class Schedules {
  #timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(Admission) private readonly admission: Admission,
    @Inject(InstanceTasks) private readonly definitions: InstanceTasks,
    @Inject(TaskParts) private readonly parts: TaskParts,
    @Inject(InstanceBackups) private readonly backups: InstanceBackups,
  ) {}

  start(): void {
    this.#timer = setInterval(() => void this.run(new Date()).catch(() => undefined), minuteMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async run(now: Date): Promise<void> {
    const minute = Math.floor(now.getTime() / minuteMs);
    const mine = await this.database.query(`UPDATE instances.schedule_clock SET minute = $1 WHERE minute < $1 RETURNING minute`, [minute]);
    if (mine.length === 0) return;
    for (const row of await this.scheduled()) if (isDue(valueOf(row.expanded_config, instanceKeys.snapshotsSchedule), now, row.id)) await this.snapshot(row);
    for (const expired of await this.expired(now)) await this.remove(expired);
    await this.backups.sweep(now);
  }

  private async scheduled(): Promise<InstanceRow[]> {
    // In the words of the index that has them.
    const rows = await this.database.query<InstanceRow>(`SELECT * FROM instances.instances WHERE coalesce(expanded_config->>'${instanceKeys.snapshotsSchedule.name}', '') <> ''`);
    return rows.filter((row) => isRunning(row) || isTrueKey(row.expanded_config, instanceKeys.snapshotsScheduleStopped));
  }

  private expired(now: Date): Promise<Expired[]> {
    return this.database.query<Expired>(
      `SELECT i.project, i.name, s.name AS snapshot, s.id AS snapshot_id FROM instances.snapshots s JOIN instances.instances i ON i.id = s.instance_id
       WHERE s.expires_at <= $1 AND s.ready`,
      [now],
    );
  }

  private async snapshot({ project, name }: InstanceRow): Promise<void> {
    const wish = { project, name, snapshot: '', stateful: false };
    const change = { input: wish, busy: 'snapshot', description: 'Snapshotting instance' } as const;
    const call = systemCall();
    await this.parts.surroundings
      .checkSnapshot(call, project)
      .then(() => this.admission.perform(call, this.definitions.createSnapshot, { ...change, accept: (unit, row, task) => acceptSnapshot(this.parts, unit, row, wish, task) }))
      .catch((error: unknown) => process.stderr.write(`scheduled snapshot of ${project}/${name}: ${String(error)}\n`));
  }

  private async remove({ project, name, snapshot, snapshot_id }: Expired): Promise<void> {
    const input = { project, name, snapshot, snapshotId: snapshot_id };
    await this.admission
      .perform(systemCall(), this.definitions.deleteSnapshot, { input, busy: 'snapshot', description: 'Deleting snapshot' })
      .catch((error: unknown) => process.stderr.write(`expired snapshot ${project}/${name}/${snapshot}: ${String(error)}\n`));
  }
}
