import { Inject, Injectable } from '@nestjs/common';
import { Agents } from '@asterism/agents';
import { LxdError } from '@asterism/errors';
import { Token, type common, type StoragePools } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';

/** The agents and the pools around the cluster service. */
@Injectable()
export class Surroundings {
  constructor(
    @Inject(Agents) private readonly agents: Agents,
    @Inject(Token.StoragePools) private readonly storagePools: StoragePools,
  ) {}

  requireMember(target: string): void {
    if (target !== '' && !this.agents.members().includes(target)) throw new LxdError('not-found', 'Cluster member not found');
  }

  resources(call: CallContext, target: string): Promise<common.Document> {
    this.requireMember(target);
    return this.agents.on(target || (this.agents.members()[0] ?? '')).host.resources(call, {});
  }

  async pools(call: CallContext): Promise<{ name: string; config: Record<string, string> }[]> {
    const answer = await this.storagePools.list(call, { project: 'default', all_projects: false, recursion: 1, filter: '', visible_projects: [] });
    return JSON.parse(answer.json.toString()) as { name: string; config: Record<string, string> }[];
  }
}
