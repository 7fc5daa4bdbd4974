import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@asterism/database';
import { EventBusToken, type EventBus } from '@asterism/events';
import { systemCall } from '@asterism/rpc';
import { RuntimeInfo } from '@asterism/service';
import { NetworkMembers } from './network-members.js';
import { NetworkStore } from './network.store.js';

/** No creation takes longer: its process is gone. */
const abandonedAfterSeconds = 300;

/** Networks come up with the members that carry them; creations that nobody ends are taken back. */
@Injectable()
export class BringUp {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(EventBusToken) private readonly bus: EventBus,
    @Inject(NetworkStore) private readonly store: NetworkStore,
    @Inject(NetworkMembers) private readonly members: NetworkMembers,
    @Inject(RuntimeInfo) private readonly runtime: RuntimeInfo,
  ) {}

  #sweep: NodeJS.Timeout | undefined;

  /** Of several replicas another may be creating; alone, whatever is pending was cut off. */
  async start(): Promise<void> {
    await this.bus.consume('networks.bring-up', ['agent.ready'], (event) => this.member(event.payload.member));
    for (const member of this.members.names) await this.member(member);
    await this.dropPending(this.runtime.composition === 'standalone' ? 0 : abandonedAfterSeconds);
    this.#sweep = setInterval(() => void this.dropPending(abandonedAfterSeconds).catch(() => undefined), abandonedAfterSeconds * 1000).unref();
  }

  stop(): void {
    clearInterval(this.#sweep);
  }

  private async member(member: string): Promise<void> {
    const networks = await this.store.all();
    await this.members.bringUp(systemCall(), member, networks.filter((network) => network.status === 'created'));
  }

  private async dropPending(seconds: number): Promise<void> {
    for (const network of await this.store.pendingFor(seconds)) {
      await this.members.remove(systemCall(), network);
      await this.database.transact((unit) => this.store.delete(unit, network.project, network.name));
    }
  }
}
