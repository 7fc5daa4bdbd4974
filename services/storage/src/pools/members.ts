import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Agents } from '@asterism/agents';
import { LxdError } from '@asterism/errors';
import { RuntimeInfo } from '@asterism/service';

/** Where things may be made, and who this process is among its replicas. */
@Injectable()
export class Members {
  constructor(
    @Inject(Agents) private readonly agents: Agents,
    @Inject(RuntimeInfo) private readonly runtime: RuntimeInfo,
  ) {
    this.maker = `${this.replica} ${randomUUID()}`;
  }

  /** This process: what others of its replica's name left half done is theirs no more. */
  readonly maker: string;

  get replica(): string {
    return this.runtime.environment.replica;
  }

  get names(): readonly string[] {
    return this.agents.members();
  }

  get isClustered(): boolean {
    return this.agents.isClustered;
  }

  /** The member asked for by a request that only reads. */
  require(target: string): string {
    if (target === '') return '';
    const name = this.agents.nameOf(target);
    if (name === undefined) throw new LxdError('not-found', 'Cluster member not found');
    return name;
  }

  /** The first member that has the pool, of those that can be reached. */
  firstWith({ made_on }: { made_on: readonly string[] }): string {
    return this.agents.online().find((member) => made_on.includes(member)) ?? made_on[0] ?? '';
  }

  /** The member asked for, or the first one there is. */
  choose(target: string): string {
    const members = this.agents.members();
    if (target !== '') return this.require(target);
    const [chosen] = members;
    if (chosen === undefined) throw new LxdError('unavailable', 'No member is available');
    return chosen;
  }
}
