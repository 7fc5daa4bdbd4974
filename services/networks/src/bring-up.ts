import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@asterism/database';
import { EventBusToken, type EventBus } from '@asterism/events';
import { systemCall } from '@asterism/rpc';
import { NetworkMembers } from './network-members.js';
import { NetworkStore } from './network.store.js';

/** Networks come up with the members that carry them; creations that nobody ends are taken back. */
@Injectable()
export class BringUp {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(EventBusToken) private readonly bus: EventBus,
    @Inject(NetworkStore) private readonly store: NetworkStore,
    @Inject(NetworkMembers) private readonly members: NetworkMembers,
  ) {}

  async start(): Promise<void> {
    await this.bus.consume('networks.bring-up', ['agent.ready'], (event) => this.member(event.payload.member));
    for (const member of this.members.names) await this.member(member);
    await this.dropAbandoned();
  }

  private async member(member: string): Promise<void> {
    const networks = await this.store.all();
    await this.members.bringUp(systemCall(), member, networks.filter((network) => network.status === 'created'));
  }

  private async dropAbandoned(): Promise<void> {
    for (const network of await this.store.abandoned()) {
      await this.members.remove(systemCall(), network);
      await this.database.transact((unit) => this.store.delete(unit, network.project, network.name));
    }
  }
}
