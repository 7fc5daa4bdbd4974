import { EventBusToken, type EventBus } from '@asterism/events';
import { storage } from '@asterism/proto';
import { defineService } from '@asterism/service';
import { ImportVolume } from './backups/import-volume.js';
import { VolumeBackups } from './backups/volume-backups.js';
import { InstanceVolumesHandler } from './instance-volumes/instance-volumes.handler.js';
import { storageSchema } from './migrations/001-storage.js';
import { volumeBackups } from './migrations/002-backups.js';
import { Members } from './pools/members.js';
import { NewMembers } from './pools/new-members.js';
import { PendingPools } from './pools/pending-pools.js';
import { PoolStore } from './pools/pool.store.js';
import { PoolUsers } from './pools/pool-users.js';
import { StoragePoolsHandler } from './pools/storage-pools.handler.js';
import { Unfinished } from './unfinished.js';
import { CopyVolume } from './volumes/copy-volume.js';
import { SnapshotStore } from './volumes/snapshot.store.js';
import { volumeSchedules } from './migrations/003-schedules.js';
import { poolMemberStates } from './migrations/005-pool-members.js';
import { volumesFoundBy } from './migrations/006-found-by.js';
import { doomedVolumeBackups } from './migrations/007-doomed-backups.js';
import { movedVolumes } from './migrations/004-moved.js';
import { Schedules } from './schedules/schedules.js';
import { SnapshotTasks } from './volumes/snapshot-tasks.js';
import { StorageVolumesHandler } from './volumes/storage-volumes.handler.js';
import { Transfer } from './volumes/transfer.js';
import { UnderWay } from './upkeep/under-way.js';
import { Upkeep } from './upkeep/upkeep.js';
import { VolumeChanges } from './volumes/volume-changes.js';
import { VolumeFollowers } from './volumes/volume-followers.js';
import { VolumeScope } from './volumes/volume-scope.js';
import { VolumeSnapshots } from './volumes/volume-snapshots.js';
import { VolumeStore } from './volumes/volume.store.js';
import { ServerFiles } from './volumes/server-files.js';
import { VolumeUsers } from './volumes/volume-users.js';

/** Pools, volumes and their snapshots. */
export const storageService = defineService({
  name: 'storage',
  providers: [
    ...[StoragePoolsHandler, PoolStore, PoolUsers, Members, PendingPools, NewMembers, Unfinished, UnderWay, Upkeep],
    ...[StorageVolumesHandler, VolumeStore, SnapshotStore, VolumeScope, VolumeUsers, ServerFiles, VolumeChanges, VolumeSnapshots, SnapshotTasks, CopyVolume, VolumeBackups, ImportVolume, Schedules, VolumeFollowers, Transfer],
    InstanceVolumesHandler,
  ],
  handlers: [
    [storage.StoragePoolsDefinition, StoragePoolsHandler],
    [storage.StorageVolumesDefinition, StorageVolumesHandler],
    [storage.InstanceVolumesDefinition, InstanceVolumesHandler],
  ],
  migrations: [storageSchema, volumeBackups, volumeSchedules, movedVolumes, poolMemberStates, volumesFoundBy, doomedVolumeBackups],
  membersIn: [
    ['storage.pool_members', 'member'],
    ['storage.volumes', 'member'],
    ['storage.backups', 'member'],
  ],
  membersGoFrom: [
    ['storage.volumes', 'member'],
    ['storage.pool_members', 'member'],
  ],
  async start(app) {
    await app.get(NewMembers, { strict: false }).start();
    await app.get(Unfinished, { strict: false }).start();
    const upkeep = app.get(Upkeep, { strict: false });
    await app.get<EventBus>(EventBusToken, { strict: false }).consume('storage.upkeep', ['agent.ready'], () => upkeep.now());
    upkeep.start();
    app.get(Schedules, { strict: false }).start();
  },
  async stop(app) {
    app.get(Schedules, { strict: false }).stop();
    await app.get(Upkeep, { strict: false }).stop();
  },
});
