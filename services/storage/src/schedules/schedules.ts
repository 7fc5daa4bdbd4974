import { Inject, Injectable, Logger } from '@nestjs/common';
import { isDue, valueOf, volumeKeys } from '@asterism/config-keys';
import { Database } from '@asterism/database';
import { systemCall } from '@asterism/rpc';
import { VolumeBackups } from '../backups/volume-backups.js';
import { SnapshotTasks } from '../volumes/snapshot-tasks.js';
import { VolumeScope } from '../volumes/volume-scope.js';
import { VolumeSnapshots } from '../volumes/volume-snapshots.js';
import { VolumeUsers } from '../volumes/volume-users.js';
import type { VolumeRow } from '../volumes/volume.store.js';

const minuteMs = 60_000;

/** Every minute: snapshots of custom volumes that are due are taken; snapshots and backups whose time is over are removed. */
@Injectable()
export class Schedules {
  readonly #logger = new Logger('storage');
  #timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(VolumeScope) private readonly scope: VolumeScope,
    @Inject(VolumeSnapshots) private readonly snapshots: VolumeSnapshots,
    @Inject(SnapshotTasks) private readonly tasks: SnapshotTasks,
    @Inject(VolumeBackups) private readonly backups: VolumeBackups,
    @Inject(VolumeUsers) private readonly users: VolumeUsers,
  ) {}

  start(): void {
    this.#timer = setInterval(() => void this.run(new Date()).catch((error: unknown) => this.#logger.warn(`schedules: ${String(error)}`)), minuteMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async run(now: Date): Promise<void> {
    const minute = Math.floor(now.getTime() / minuteMs);
    const mine = await this.database.query('UPDATE storage.schedule_clock SET minute = $1 WHERE minute < $1 RETURNING minute', [minute]);
    if (mine.length === 0) return;
    for (const volume of await this.scope.volumes.withKey(volumeKeys.snapshotsSchedule.name)) {
      if (isDue(valueOf(volume.config, volumeKeys.snapshotsSchedule), now, volume.id)) await this.#tried(volume, () => this.#take(volume));
    }
    for (const snapshot of await this.scope.snapshots.expired(now)) {
      const volume = await this.scope.volumes.byId(snapshot.volume_id);
      if (volume) await this.#tried(volume, async () => this.tasks.expire(systemCall(), { volume, pool: await this.scope.pools.byId(volume.pool_id) }, snapshot.name));
    }
    await this.backups.sweep(now);
  }

  /** Volumes that hold the server's own files have none, by schedule no more than by hand; the reference forgets that here. */
  async #take(volume: VolumeRow): Promise<void> {
    if (await this.users.isServers(systemCall(), volume)) return;
    const { project, pool, type, name } = volume;
    await this.snapshots.create(systemCall(), { volume: { project, pool, type, name }, snapshot: '', expires_at_ms: undefined });
  }

  async #tried(volume: VolumeRow, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#logger.warn(`scheduled snapshots of volume ${volume.pool}/${volume.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
