import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@asterism/database';
import { event } from '@asterism/events';
import { Token, type Warnings } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { ClusterMembers } from './cluster-members.js';
import { memberUrl } from './member-document.js';
import { isClustered, MemberStore } from './member.store.js';

const lookEveryMs = 5_000;
const warningType = 'Offline cluster member';

/** Notices members that fall silent and those that are heard of again, and says so once each time. */
@Injectable()
export class Health {
  #timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(MemberStore) private readonly store: MemberStore,
    @Inject(ClusterMembers) private readonly members: ClusterMembers,
    @Inject(Token.Warnings) private readonly warnings: Warnings,
  ) {}

  start(): void {
    this.members.attention.start();
    this.#timer = setInterval(() => void this.look().catch(() => undefined), lookEveryMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.members.attention.stop();
  }

  async look(): Promise<void> {
    const rows = await this.store.listWithoutEnvironment();
    if (!isClustered(rows)) return;
    const isOnline = await this.members.judge();
    for (const row of rows) {
      const online = isOnline(row);
      if (online !== row.is_online) await this.#tell(row.name, { online, age: row.age });
    }
  }

  /** Its agent has just said that it is there. */
  async heard(member: string): Promise<void> {
    await this.#tell(member, { online: true, age: 0 });
  }

  /** Of several replicas the first says it. */
  async #tell(member: string, { online, age }: { online: boolean; age: number }): Promise<void> {
    const isNews = await this.database.transact(async (unit) => {
      if (!(await this.store.setOnline(unit, member, online))) return false;
      unit.emit(event('member.health', { member, online }));
      unit.emit(event('members.changed', { members: [member] }));
      return true;
    });
    if (!isNews) return;
    const about = { type: warningType, location: member, entity_url: memberUrl(member) };
    if (online) await this.warnings.resolve(systemCall(), about);
    else await this.warnings.raise(systemCall(), { ...about, project: '', severity: 'low', last_message: `No heartbeat for ${age.toFixed(0)}s` });
  }
}
