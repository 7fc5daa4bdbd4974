import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@asterism/database';
import { event } from '@asterism/events';
import { Token, type Warnings } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { ClusterMembers } from './cluster-members.js';
import { memberUrl } from './member-document.js';
import { isClustered, MemberStore, type MemberRow } from './member.store.js';

const lookEveryMs = 5_000;
const warningType = 'Offline cluster member';
const warnedAtOnce = 16;

/** With the seconds since it was heard of. */
type Told = Pick<MemberRow, 'name' | 'age'>;

/** Notices members that fall silent and those that are heard of again, and says so once each time. */
@Injectable()
export class Health {
  #timer: NodeJS.Timeout | undefined;
  readonly #heard: Told[] = [];
  #isTelling = false;

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
    const { back = [], silent = [] } = Object.groupBy(rows.filter((row) => isOnline(row) !== row.is_online), (row) => (row.is_online ? 'silent' : 'back'));
    await this.#tell(back, true);
    await this.#tell(silent, false);
  }

  /** Its agent has just said that it is there. Those that come while others are told of are told of together: a rack comes back at once. */
  async heard(member: string): Promise<void> {
    this.#heard.push({ name: member, age: 0 });
    if (this.#isTelling) return;
    this.#isTelling = true;
    try {
      while (this.#heard.length > 0) await this.#tell(this.#heard.splice(0), true);
    } finally {
      this.#isTelling = false;
    }
  }

  /** Of several replicas the first says it. */
  async #tell(members: readonly Told[], online: boolean): Promise<void> {
    if (members.length === 0) return;
    const news = await this.database.transact(async (unit) => {
      const changed = await this.store.setOnline(unit, members.map(({ name }) => name), online);
      for (const member of changed) unit.emit(event('member.health', { member, online }));
      if (changed.length > 0) unit.emit(event('members.changed', { members: changed }));
      return new Set(changed);
    });
    const told = members.filter(({ name }) => news.has(name));
    for (let from = 0; from < told.length; from += warnedAtOnce) await Promise.all(told.slice(from, from + warnedAtOnce).map((member) => this.#warn(member, online)));
  }

  async #warn({ name, age }: Told, online: boolean): Promise<void> {
    const about = { type: warningType, location: name, entity_url: memberUrl(name) };
    if (online) await this.warnings.resolve(systemCall(), about);
    else await this.warnings.raise(systemCall(), { ...about, project: '', severity: 'low', last_message: `No heartbeat for ${age.toFixed(0)}s` });
  }
}
