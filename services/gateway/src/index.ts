import { defineService } from '@asterism/service';
import type { Type } from '@nestjs/common';
import { createGatewayApplication } from './application.js';
import { Trust } from './auth/trust.js';
import { EventFeed } from './events/event-feed.js';
import { CertificatesController } from './http/certificates/certificates.controller.js';
import { ClusterGroupsController } from './http/cluster/cluster-groups.controller.js';
import { ClusterController } from './http/cluster/cluster.controller.js';
import { EventsController } from './http/events/events.controller.js';
import { Gatekeeper } from './http/gatekeeper.js';
import { AliasesController } from './http/images/aliases.controller.js';
import { ImagesController } from './http/images/images.controller.js';
import { BackupsController } from './http/instances/backups.controller.js';
import { FilesController } from './http/instances/files.controller.js';
import { InstanceStateController } from './http/instances/instance-state.controller.js';
import { InstancesController } from './http/instances/instances.controller.js';
import { LogsController } from './http/instances/logs.controller.js';
import { MetadataController } from './http/instances/metadata.controller.js';
import { SnapshotsController } from './http/instances/snapshots.controller.js';
import { InternalController } from './http/internal/internal.controller.js';
import { MetricsController } from './http/metrics/metrics.controller.js';
import { NetworksController } from './http/networks/networks.controller.js';
import { OperationsController } from './http/operations/operations.controller.js';
import { ProfilesController } from './http/profiles/profiles.controller.js';
import { ProjectsController } from './http/projects/projects.controller.js';
import { RootController } from './http/server/root.controller.js';
import { ServerController } from './http/server/server.controller.js';
import { StoragePoolsController } from './http/storage/storage-pools.controller.js';
import { StorageVolumesController } from './http/storage/storage-volumes.controller.js';
import { VolumeBackupsController } from './http/storage/volume-backups.controller.js';
import { VolumeSnapshotsController } from './http/storage/volume-snapshots.controller.js';
import { WarningsController } from './http/warnings/warnings.controller.js';
import { Idempotency } from './idempotency/idempotency.js';
import { Listeners } from './listeners/listeners.js';
import { ServerCertificate } from './listeners/server-certificate.js';
import { Door } from './members/door.js';
import { Readiness } from './readiness.js';
import { SessionTickets } from './websockets/session-tickets.js';
import { Upgrades } from './websockets/upgrades.js';

const controllers: Type<object>[] = [
  RootController,
  ServerController,
  ClusterController,
  ClusterGroupsController,
  InstancesController,
  InstanceStateController,
  SnapshotsController,
  BackupsController,
  FilesController,
  LogsController,
  MetadataController,
  ImagesController,
  AliasesController,
  NetworksController,
  StoragePoolsController,
  StorageVolumesController,
  VolumeSnapshotsController,
  VolumeBackupsController,
  ProfilesController,
  ProjectsController,
  CertificatesController,
  WarningsController,
  OperationsController,
  EventsController,
  MetricsController,
  InternalController,
];

export { Listeners } from './listeners/listeners.js';

/** The REST API: listeners, identity and access, answers, streams, websockets, events. */
export const gatewayService = defineService({
  name: 'gateway',
  controllers,
  providers: [Trust, Gatekeeper, Idempotency, Readiness, EventFeed, SessionTickets, Upgrades, Listeners, ServerCertificate, Door],
  handlers: [],
  createApplication: createGatewayApplication,
  async start(app) {
    await app.get(ServerCertificate, { strict: false }).load();
    await app.get(Trust, { strict: false }).start();
    await app.get(EventFeed, { strict: false }).start();
    await app.get(ServerController, { strict: false }).start();
    await app.get(Listeners, { strict: false }).start();
    await app.get(Door, { strict: false }).start();
    app.get(Readiness, { strict: false }).become('ready');
  },
  async stop(app) {
    const listeners = app.get(Listeners, { strict: false });
    // Where others take over, whoever still asks this one on a connection that was open is answered.
    if (!(await listeners.drain())) app.get(Readiness, { strict: false }).become('stopping');
    await listeners.close();
    await app.get(Door, { strict: false }).close();
  },
});
