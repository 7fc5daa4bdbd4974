import { Agents, soleMember } from '@asterism/agents';
import { projectKeys } from '@asterism/config-keys';
import { Database } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import { Inject, Injectable } from '@nestjs/common';
import { leastLoaded } from './least-loaded.js';

export interface Place {
  member: string;
  /** To be called when the instance's row stands, or never will. */
  settled(): void;
}

/** Which member a new instance comes to. A host without a cluster is asked nothing. */
@Injectable()
export class Placement {
  /** Instances under way whose rows do not stand yet, by member. */
  readonly #underWay = new Map<string, number>();

  constructor(
    @Inject(Agents) private readonly agents: Agents,
    @Inject(Database) private readonly database: Database,
  ) {}

  get isClustered(): boolean {
    return this.agents.isClustered;
  }

  /** @param target The member asked for, or empty. */
  async choose(target: string): Promise<Place> {
    if (!this.agents.isClustered) {
      if (target !== '') throw new LxdError('bad-request', 'Target only allowed when clustered');
      return { member: this.agents.members()[0] ?? soleMember, settled: () => undefined };
    }
    return this.#onTheWay(target === '' ? await this.#leastLoaded() : this.require(target));
  }

  require(target: string): string {
    const member = this.agents.nameOf(target);
    if (member === undefined) throw new LxdError('not-found', 'Cluster member not found');
    return member;
  }

  async #leastLoaded(): Promise<string> {
    const rows = await this.database.query<{ member: string; instances: number }>('SELECT member, count(*)::int AS instances FROM instances.instances GROUP BY member');
    const countOf = (member: string): number => (rows.find((row) => row.member === member)?.instances ?? 0) + (this.#underWay.get(member) ?? 0);
    const chosen = leastLoaded(this.agents.open().map((member) => ({ member, instances: countOf(member) })));
    if (chosen === undefined) throw new LxdError('unavailable', 'No suitable cluster member could be found');
    return chosen;
  }

  #onTheWay(member: string): Place {
    const add = (count: number): unknown => this.#underWay.set(member, (this.#underWay.get(member) ?? 0) + count);
    add(1);
    let isSettled = false;
    return {
      member,
      settled: () => {
        if (!isSettled) add(-1);
        isSettled = true;
      },
    };
  }
}

/** In a restricted project the administrators choose members, others where it says so. */
export function requireMayTarget(project: Readonly<Record<string, string>>, request: { target: string; by_restricted?: boolean | undefined }): void {
  if (request.target === '' || !request.by_restricted || project[projectKeys.restricted.name] !== 'true') return;
  if ((project[projectKeys.restrictedClusterTarget.name] ?? 'block') !== 'allow') throw new LxdError('forbidden', "This project doesn't allow cluster member targeting");
}
