import { Inject, Injectable } from '@nestjs/common';
import { NetworkMembers } from './network-members.js';
import { NetworkProject } from './network-project.js';
import { NetworkUsers } from './network-users.js';
import { NetworkStore } from './network.store.js';

/** Everything around a network that its changes need. */
@Injectable()
export class NetworkSurroundings {
  constructor(
    @Inject(NetworkStore) readonly store: NetworkStore,
    @Inject(NetworkProject) readonly projects: NetworkProject,
    @Inject(NetworkMembers) readonly members: NetworkMembers,
    @Inject(NetworkUsers) readonly users: NetworkUsers,
  ) {}
}
