import { Inject, Injectable } from '@nestjs/common';
import { AcceptMember } from './accept-member.js';
import { Authority } from './authority.js';
import { EnableClustering } from './enable-clustering.js';
import { JoinCluster } from './join-cluster.js';
import { JoinTokens } from './join-tokens.js';

/** How a cluster comes to be and grows: both sides of it. */
@Injectable()
export class Joining {
  constructor(
    @Inject(EnableClustering) readonly enable: EnableClustering,
    @Inject(JoinCluster) readonly join: JoinCluster,
    @Inject(AcceptMember) readonly acceptance: AcceptMember,
    @Inject(JoinTokens) readonly tokens: JoinTokens,
    @Inject(Authority) readonly authority: Authority,
  ) {}
}
