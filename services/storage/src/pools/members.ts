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

  /** The member asked for, or the first one there is. */
  choose(target: string): string {
    const members = this.agents.members();
    const chosen = target === '' ? members[0] : members.find((member) => member === target);
    if (chosen === undefined) throw new LxdError('unavailable', target === '' ? 'No member is available' : `Cluster member "${target}" is not available`);
    return chosen;
  }
}
