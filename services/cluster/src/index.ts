import { cluster } from '@asterism/proto';
import { defineService } from '@asterism/service';
import { ClusterHandler } from './cluster.handler.js';
import { ServerVolumes } from './config/server-volumes.js';
import { ConfigStore } from './config/config.store.js';
import { ClusterGroupsHandler } from './groups/cluster-groups.handler.js';
import { GroupStore } from './groups/group.store.js';
import { AcceptMember } from './joining/accept-member.js';
import { Authority } from './joining/authority.js';
import { EnableClustering } from './joining/enable-clustering.js';
import { HostContents } from './joining/host-contents.js';
import { JoinCluster } from './joining/join-cluster.js';
import { JoinTokens } from './joining/join-tokens.js';
import { Joining } from './joining/joining.js';
import { Nodes } from './kubernetes/nodes.js';
import { ClusterMembers } from './members/cluster-members.js';
import { Health } from './members/health.js';
import { MemberUse } from './members/member-use.js';
import { MemberStore } from './members/member.store.js';
import { clusterSchema } from './migrations/001-cluster.js';
import { clusterMembers } from './migrations/002-members.js';
import { memberNodes } from './migrations/003-nodes.js';
import { memberHealth } from './migrations/004-health.js';
import { revokedCertificates } from './migrations/005-revoked.js';
import { memberGroups } from './migrations/006-groups.js';
import { memberJoins } from './migrations/007-joins.js';
import { heartbeatRoom } from './migrations/010-heartbeats.js';
import { ServerDocument } from './server/server-document.js';
import { Surroundings } from './surroundings.js';

/** The server's configuration and environment, resources, and members. */
export const clusterService = defineService({
  name: 'cluster',
  providers: [
    ...[ClusterHandler, ConfigStore, ServerVolumes, MemberStore, ClusterMembers, MemberUse, Health, ServerDocument, Surroundings, Nodes, GroupStore, ClusterGroupsHandler],
    ...[Joining, EnableClustering, JoinCluster, HostContents, AcceptMember, JoinTokens, Authority],
  ],
  handlers: [
    [cluster.ClusterDefinition, ClusterHandler],
    [cluster.ClusterGroupsDefinition, ClusterGroupsHandler],
  ],
  migrations: [clusterSchema, clusterMembers, memberNodes, memberHealth, revokedCertificates, memberGroups, memberJoins, heartbeatRoom],
  async start(app) {
    await app.get(ServerDocument, { strict: false }).follow();
    await app.get(Nodes, { strict: false }).follow();
    app.get(Health, { strict: false }).start();
  },
  async stop(app) {
    app.get(Health, { strict: false }).stop();
    await app.get(Nodes, { strict: false }).stop();
  },
});
