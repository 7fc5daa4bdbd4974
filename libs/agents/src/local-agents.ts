import { LxdError } from '@asterism/errors';
import type { Agent } from '@asterism/proto';
import { Agents } from './agents.js';

/** The one agent of a standalone, in this process. */
export class LocalAgents extends Agents {
  #agent: Agent | undefined;

  constructor(private readonly member: string) {
    super();
  }

  bind(agent: Agent): void {
    this.#agent = agent;
  }

  on(member: string): Agent {
    if (member !== this.member || !this.#agent) throw new LxdError('unavailable', `Cluster member "${member}" is not available`);
    return this.#agent;
  }

  members(): readonly string[] {
    return this.#agent ? [this.member] : [];
  }

  async close(): Promise<void> {
    this.#agent = undefined;
  }
}
