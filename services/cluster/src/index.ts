import { cluster } from '@asterism/proto';
import { defineService } from '@asterism/service';
import { ClusterHandler } from './cluster.handler.js';
import { ConfigStore } from './config/config.store.js';
import { MemberStore } from './members/member.store.js';
import { clusterSchema } from './migrations/001-cluster.js';
import { ServerDocument } from './server/server-document.js';
import { Surroundings } from './surroundings.js';

/** The server's configuration and environment, resources, and members. */
export const clusterService = defineService({
  name: 'cluster',
  providers: [ClusterHandler, ConfigStore, MemberStore, ServerDocument, Surroundings],
  handlers: [[cluster.ClusterDefinition, ClusterHandler]],
  migrations: [clusterSchema],
  start: (app) => app.get(ServerDocument, { strict: false }).follow(),
});
