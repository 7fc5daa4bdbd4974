import { networks } from '@asterism/proto';
import { defineService } from '@asterism/service';
import { BringUp } from './bring-up.js';
import { networksSchema } from './migrations/001-networks.js';
import { leavingNetworks } from './migrations/002-leaving-networks.js';
import { networkMembers } from './migrations/003-network-members.js';
import { NetworkMembers } from './network-members.js';
import { NetworkProject } from './network-project.js';
import { NetworkSurroundings } from './network-surroundings.js';
import { NetworkUsers } from './network-users.js';
import { NetworkStore } from './network.store.js';
import { NetworksHandler } from './networks.handler.js';

/** Managed networks: what they shall be, who uses them, and their being so on every member. */
export const networksService = defineService({
  name: 'networks',
  providers: [NetworksHandler, NetworkSurroundings, NetworkStore, NetworkProject, NetworkMembers, NetworkUsers, BringUp],
  handlers: [[networks.NetworksDefinition, NetworksHandler]],
  migrations: [networksSchema, leavingNetworks, networkMembers],
  membersIn: [['networks.members', 'member']],
  membersGoFrom: [['networks.members', 'member']],
  start: (app) => app.get(BringUp, { strict: false }).start(),
  stop: (app) => app.get(BringUp, { strict: false }).stop(),
});
