import { EventBusToken, type EventBus } from '@asterism/events';
import { instances } from '@asterism/proto';
import { defineService, type AsterismService } from '@asterism/service';
import { Admission } from './admission.js';
import { ImportInstance } from './backups/import-instance.js';
import { InstanceBackups } from './backups/instance-backups.js';
import { Creation } from './create/creation.js';
import { InstanceStore } from './instance.store.js';
import { InstanceTasks } from './instance-tasks.js';
import { InstancesHandler } from './instances.handler.js';
import { DocumentStore } from './lists/document.store.js';
import { KeptLists } from './lists/kept-lists.js';
import { PagedLists } from './lists/paged-lists.js';
import { Neighbours } from './lists/neighbours.js';
import { EvacuationsHandler } from './evacuation/evacuations.handler.js';
import { Relocation } from './evacuation/relocation.js';
import { Reads } from './lists/reads.js';
import { States } from './lists/states.js';
import { MetricsHandler } from './metrics/metrics.handler.js';
import { Autostarts } from './members/autostarts.js';
import { Members } from './members/members.js';
import { InstanceUpkeep } from './members/upkeep.js';
import { instancesTables } from './migrations/001-instances.js';
import { Placement } from './placement/placement.js';
import { Power } from './power/power.js';
import { scheduleClock } from './migrations/002-schedules.js';
import { instanceNames } from './migrations/003-names.js';
import { instanceBackups } from './migrations/004-backups.js';
import { listOrder } from './migrations/005-list-order.js';
import { scheduledInstances } from './migrations/006-scheduled.js';
import { doomedInstanceBackups } from './migrations/007-doomed-backups.js';
import { RefreshCopy } from './refresh/refresh-copy.js';
import { Moves } from './rename/moves.js';
import { Schedules } from './schedules/schedules.js';
import { Sessions } from './sessions/sessions.js';
import { Kept } from './snapshots/kept.js';
import { Snapshots } from './snapshots/snapshots.js';
import { SnapshotStore } from './snapshots/snapshot.store.js';
import { Surroundings } from './surroundings.js';
import { TaskParts } from './task-parts.js';
import { AttachedVolumes } from './volumes/attached-volumes.js';
import { Changes } from './update/changes.js';

/** Instances and their snapshots: what they should be, what they are, and every change between the two. */
export const instancesService: AsterismService = defineService({
  name: 'instances',
  providers: [
    InstancesHandler,
    InstanceStore,
    SnapshotStore,
    DocumentStore,
    KeptLists,
    PagedLists,
    Surroundings,
    TaskParts,
    InstanceTasks,
    Admission,
    Creation,
    Placement,
    RefreshCopy,
    Power,
    Moves,
    Relocation,
    EvacuationsHandler,
    Changes,
    Snapshots,
    InstanceBackups,
    AttachedVolumes,
    Kept,
    ImportInstance,
    Sessions,
    Reads,
    States,
    Neighbours,
    MetricsHandler,
    Members,
    Autostarts,
    InstanceUpkeep,
    Schedules,
  ],
  handlers: [
    [instances.InstancesDefinition, InstancesHandler],
    [instances.InstanceMetricsDefinition, MetricsHandler],
    [instances.EvacuationsDefinition, EvacuationsHandler],
  ],
  migrations: [instancesTables, scheduleClock, instanceNames, instanceBackups, listOrder, scheduledInstances, doomedInstanceBackups],
  membersIn: [
    ['instances.instances', 'member'],
    ['instances.backups', 'member'],
  ],
  membersGoFrom: [['instances.instances', 'member']],
  async start(app) {
    await app.get(Members, { strict: false }).watch(app.get<EventBus>(EventBusToken, { strict: false }));
    app.get(Schedules, { strict: false }).start();
    app.get(InstanceUpkeep, { strict: false }).start();
  },
  async stop(app) {
    app.get(Schedules, { strict: false }).stop();
    await app.get(InstanceUpkeep, { strict: false }).stop();
  },
});
