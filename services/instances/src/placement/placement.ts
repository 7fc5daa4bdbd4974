import { Agents, soleMember, type MemberFacts } from '@asterism/agents';
import { isTrue, projectKeys } from '@asterism/config-keys';
import { Database } from '@asterism/database';
import { LxdError, isKind } from '@asterism/errors';
import { Token, type ClusterGroups } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import { candidates, isAllowed, type Wanted } from './candidates.js';
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
    @Inject(Token.ClusterGroups) private readonly groups: ClusterGroups,
  ) {
    this.#counts = new InstanceCounts(database);
  }

  get isClustered(): boolean {
    return this.agents.isClustered;
  }

  /** @param target The member asked for, "@" and a group of members, or empty. */
  async choose(target: string, instance: Pick<Coming, 'project' | 'name'>, wanted: Wanted = {}): Promise<Place> {
    if (!this.agents.isClustered) {
      if (target !== '') throw new LxdError('bad-request', 'Target only allowed when clustered');
      return { member: this.agents.members()[0] ?? soleMember, settled: () => undefined };
    }
    if (target !== '' && !target.startsWith('@')) return this.#comes({ ...instance, member: this.requireOpen(target, wanted.allowedGroups) });
    const group = target === '' ? undefined : await this.#requireGroup(target.slice(1), wanted.allowedGroups);
    // One after the other, so that each sees where the one before it goes.
    const chosen = this.#choosing.then(async () => {
      const member = await this.leastLoaded(candidates(this.agents.facts(), { ...wanted, group }));
      if (member === undefined) throw new LxdError('unavailable', 'No suitable cluster member could be found');
      return this.#comes({ ...instance, member });
    });
    this.#choosing = chosen.catch(() => undefined);
    return chosen;
  }

  require(target: string): string {
    const member = this.agents.nameOf(target);
    if (member === undefined) throw new LxdError('not-found', 'Cluster member not found');
    return member;
  }

  /** A member that takes what is sent to it, and that the project may use. */
  requireOpen(target: string, allowedGroups?: readonly string[]): string {
    const member = this.require(target);
    const facts = this.agents.facts().find(({ name }) => name === member);
    if (facts && !isAllowed(facts, allowedGroups)) throw new LxdError('forbidden', "Project isn't allowed to use this cluster member");
    if (facts?.evacuated) throw new LxdError('forbidden', 'Cluster member is evacuated');
    return member;
  }

  isEvacuated(member: string): boolean {
    return this.agents.facts().some(({ name, evacuated }) => name === member && evacuated);
  }

  /** Empty for one that has not said it. */
  architectureOf(member: string): string {
    return this.agents.facts().find(({ name }) => name === member)?.architecture ?? '';
  }

  facts(): readonly MemberFacts[] {
    return this.agents.facts();
  }

  /** Of these, the one with the fewest. Those that are coming are counted here and left out there: nobody knows which of their rows stand by now. */
  async leastLoaded(members: readonly string[]): Promise<string | undefined> {
    const counts = await this.#counts.get([...this.#coming]);
    const coming = Map.groupBy(this.#coming, ({ member }) => member);
    const countOf = (member: string): number => (counts.get(member) ?? 0) + (coming.get(member)?.length ?? 0);
    return leastLoaded(members.map((member) => ({ member, instances: countOf(member) })));
  }

  /** One that nobody is in may be there all the same: the cluster knows. */
  async #requireGroup(group: string, allowedGroups: readonly string[] | undefined): Promise<string> {
    if (!this.agents.facts().some(({ groups }) => groups.includes(group))) {
      await this.groups.get(systemCall(), { project: '', name: group }).catch((error: unknown) => {
        throw isKind(error, 'not-found') ? new LxdError('bad-request', `Cluster group ${JSON.stringify(group)} doesn't exist`, { cause: error }) : error;
      });
    }
    if (allowedGroups && !allowedGroups.includes(group)) throw new LxdError('forbidden', "Project isn't allowed to use this cluster group");
    return group;
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

/** Groups of members that a restricted project may use; undefined: all. */
export function allowedGroups(project: Readonly<Record<string, string>>): string[] | undefined {
  const groups = project[projectKeys.restrictedClusterGroups.name];
  return isTrue(project[projectKeys.restricted.name]) && groups ? groups.split(',').map((group) => group.trim()) : undefined;
}
