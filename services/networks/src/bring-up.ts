import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@asterism/database';
import { EventBusToken, type EventBus } from '@asterism/events';
import { systemCall } from '@asterism/rpc';
import { forEach, Rounds, RuntimeInfo } from '@asterism/service';
import { besideMember, type Difference } from './beside-member.js';
import { NetworkMembers, type Problem } from './network-members.js';
import { NetworkStore } from './network.store.js';

/** No creation takes longer: its process is gone. */
const abandonedAfterSeconds = 300;

/** Nobody else changes a network meanwhile. */
const heldForMs = 20_000;

/** Networks come up with the members that carry them and are kept up; creations that nobody ends are taken back. */
@Injectable()
export class BringUp {
  readonly #sweep: Rounds;
  readonly #rounds: Rounds;

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(EventBusToken) private readonly bus: EventBus,
    @Inject(NetworkStore) private readonly store: NetworkStore,
    @Inject(NetworkMembers) private readonly members: NetworkMembers,
    @Inject(RuntimeInfo) private readonly runtime: RuntimeInfo,
  ) {
    this.#sweep = new Rounds('networks', abandonedAfterSeconds, () => this.dropPending(abandonedAfterSeconds));
    this.#rounds = new Rounds('networks', runtime.environment.lookAfterSeconds, () => forEach(members.reachable, (member) => this.lookAfter(member)));
  }

  /** Of several replicas another may be creating; alone, whatever is pending was cut off. */
  async start(): Promise<void> {
    await this.bus.consume('networks.bring-up', ['agent.ready'], (event) => this.member(event.payload.member));
    for (const member of this.members.reachable) await this.member(member);
    await this.dropPending(this.runtime.composition === 'standalone' ? 0 : abandonedAfterSeconds);
    this.#sweep.start();
    this.#rounds.start();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#sweep.stop(), this.#rounds.stop()]);
  }

  /** Mends what a member lacks or has too much of; what it cannot mend becomes a warning, which ends with its cause. */
  async lookAfter(member: string): Promise<void> {
    const known = await this.members.lookAfter(systemCall({ timeoutMs: 60_000 }), member);
    const rows = await this.store.allWithLeaving();
    const names = known.map(({ network }) => network);
    const problems = known.filter(({ network, message }) => message !== '' && rows.some(({ name }) => name === network));
    if (isDifferent(besideMember(rows, names))) problems.push(...(await this.settle(member)));
    await this.members.warn(systemCall(), member, problems);
  }

  private async member(member: string): Promise<void> {
    const networks = await this.store.all();
    const problems = await this.members.bringUp(systemCall({ timeoutMs: 60_000 }), member, networks.filter((network) => network.status === 'created'));
    await this.members.warn(systemCall(), member, problems);
  }

  /** Looks again while nobody can begin or end anything with a network, and brings the member to what the rows say. */
  private settle(member: string): Promise<Problem[]> {
    return this.database.transact(async (unit) => {
      await this.store.holdAll(unit);
      const call = systemCall({ timeoutMs: heldForMs });
      const known = await this.members.lookAfter(call, member);
      const { missing, unowned } = besideMember(await this.store.allWithLeaving(unit), known.map(({ network }) => network));
      for (const name of unowned) await this.members.removeLeftOver(call, member, name);
      return this.members.bringUp(call, member, missing);
    });
  }

  private async dropPending(seconds: number): Promise<void> {
    for (const network of await this.store.pendingFor(seconds)) {
      await this.members.remove(systemCall(), network);
      await this.database.transact((unit) => this.store.delete(unit, network.project, network.name));
    }
  }
}

function isDifferent({ missing, unowned }: Difference): boolean {
  return missing.length > 0 || unowned.length > 0;
}
