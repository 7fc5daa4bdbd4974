import { Agents, soleMember } from '@asterism/agents';
import { projectKeys } from '@asterism/config-keys';
import { Database } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import { Inject, Injectable } from '@nestjs/common';
import { InstanceCounts } from './instance-counts.js';
import { leastLoaded } from './least-loaded.js';

export interface Place {
  member: string;
  /** To be called when the instance's row stands, or never will. */
  settled(): void;
}

interface Coming {
  project: string;
  name: string;
  member: string;
}

/** Which member a new instance comes to. A host without a cluster is asked nothing. */
@Injectable()
export class Placement {
  /** Instances whose place is chosen, and whose rows may not stand yet. */
  readonly #coming = new Set<Coming>();
  readonly #counts: InstanceCounts;
  #choosing: Promise<unknown> = Promise.resolve();

  constructor(
    @Inject(Agents) private readonly agents: Agents,
    @Inject(Database) database: Database,
  ) {
    this.#counts = new InstanceCounts(database);
  }

  get isClustered(): boolean {
    return this.agents.isClustered;
  }

  /** @param target The member asked for, or empty. */
  async choose(target: string, instance: Pick<Coming, 'project' | 'name'>): Promise<Place> {
    if (!this.agents.isClustered) {
      if (target !== '') throw new LxdError('bad-request', 'Target only allowed when clustered');
      return { member: this.agents.members()[0] ?? soleMember, settled: () => undefined };
    }
    if (target !== '') return this.#comes({ ...instance, member: this.require(target) });
    // One after the other, so that each sees where the one before it goes.
    const chosen = this.#choosing.then(async () => this.#comes({ ...instance, member: await this.#leastLoaded() }));
    this.#choosing = chosen.catch(() => undefined);
    return chosen;
  }

  require(target: string): string {
    const member = this.agents.nameOf(target);
    if (member === undefined) throw new LxdError('not-found', 'Cluster member not found');
    return member;
  }

  /** Those that are coming are counted here and left out there: nobody knows which of their rows stand by now. */
  async #leastLoaded(): Promise<string> {
    const counts = await this.#counts.get([...this.#coming]);
    const coming = Map.groupBy(this.#coming, ({ member }) => member);
    const countOf = (member: string): number => (counts.get(member) ?? 0) + (coming.get(member)?.length ?? 0);
    const chosen = leastLoaded(this.agents.open().map((member) => ({ member, instances: countOf(member) })));
    if (chosen === undefined) throw new LxdError('unavailable', 'No suitable cluster member could be found');
    return chosen;
  }

  #comes(coming: Coming): Place {
    this.#coming.add(coming);
    const settled = (): void => {
      if (this.#coming.delete(coming)) this.#counts.came(coming.member);
    };
    return { member: coming.member, settled };
  }
}

/** In a restricted project the administrators choose members, others where it says so. */
export function requireMayTarget(project: Readonly<Record<string, string>>, request: { target: string; by_restricted?: boolean | undefined }): void {
  if (request.target === '' || !request.by_restricted || project[projectKeys.restricted.name] !== 'true') return;
  if ((project[projectKeys.restrictedClusterTarget.name] ?? 'block') !== 'allow') throw new LxdError('forbidden', "This project doesn't allow cluster member targeting");
}
