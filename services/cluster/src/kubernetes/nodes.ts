import { EventBusToken, type EventBus } from '@asterism/events';
import { RuntimeInfo } from '@asterism/service';
import { Inject, Injectable } from '@nestjs/common';
import { ClusterMembers } from '../members/cluster-members.js';
import { NodeWatch } from './node-watch.js';

/** On a Kubernetes that says which nodes carry agents: members have their zone, description and cordon from their nodes. */
@Injectable()
export class Nodes {
  #watch: NodeWatch | undefined;

  constructor(
    @Inject(RuntimeInfo) private readonly runtime: RuntimeInfo,
    @Inject(ClusterMembers) private readonly members: ClusterMembers,
    @Inject(EventBusToken) private readonly bus: EventBus,
  ) {}

  async follow(): Promise<void> {
    const { nodeSelector } = this.runtime.environment;
    if (nodeSelector === undefined) return;
    this.#watch = new NodeWatch(nodeSelector, (nodes) => this.members.follow(nodes));
    await this.#watch.start();
    // A member may appear after its node did.
    await this.bus.subscribe(['agent.ready'], () => this.#watch?.tell());
  }

  async stop(): Promise<void> {
    await this.#watch?.stop();
  }
}
