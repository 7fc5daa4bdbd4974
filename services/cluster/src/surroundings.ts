import { Inject, Injectable } from '@nestjs/common';
import { Agents, soleMember } from '@asterism/agents';
import { LxdError } from '@asterism/errors';
import { Token, type common, type Networks, type StoragePools } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { ServerVolumes } from './config/server-volumes.js';

export interface Configured {
  name: string;
  config: Record<string, string>;
}

/** The agents, the pools and volumes, and the networks around the cluster service. */
@Injectable()
export class Surroundings {
  constructor(
    @Inject(Agents) private readonly agents: Agents,
    @Inject(Token.StoragePools) private readonly storagePools: StoragePools,
    @Inject(Token.Networks) private readonly allNetworks: Networks,
    @Inject(ServerVolumes) readonly ownVolumes: ServerVolumes,
  ) {}

  /** The name that the member asked for has now; the first one where none is asked for, or by a gateway that is on no member. */
  member(target: string): string {
    if (this.#isNobodys(target)) return this.agents.members()[0] ?? '';
    const name = this.agents.nameOf(target);
    if (name === undefined) throw new LxdError('not-found', 'Cluster member not found');
    return name;
  }

  /** Whose keys of the configuration a member has for itself; none has where there is no cluster, nor do gateways that are on no member. */
  owner(target: string): string {
    return this.#isNobodys(target) ? '' : this.clusterName(target);
  }

  /** As which member the server shows itself; empty where there is no cluster. */
  clusterName(target: string): string {
    const name = this.member(target);
    return this.agents.isClustered ? name : '';
  }

  /** Gateways of separate processes serve all members alike. */
  #isNobodys(target: string): boolean {
    return target === '' || (target === soleMember && this.agents.nameOf(soleMember) === undefined);
  }

  async resources(call: CallContext, target: string): Promise<common.Document> {
    return this.agents.on(this.member(target)).host.resources(call, {});
  }

  /** With the keys that the member has of each. */
  async pools(call: CallContext, target: string): Promise<Configured[]> {
    const pools = await listed(this.storagePools.list(call, everything));
    if (target === '') return pools;
    return Promise.all(pools.map(async ({ name }) => JSON.parse((await this.storagePools.get(call, { name, target })).json.toString()) as Configured));
  }

  networks(call: CallContext): Promise<Configured[]> {
    return listed(this.allNetworks.list(call, everything));
  }
}

const everything: common.ListRequest = { project: 'default', all_projects: false, recursion: 1, filter: '', visible_projects: [] };

async function listed(answer: Promise<common.Document>): Promise<Configured[]> {
  return JSON.parse((await answer).json.toString()) as Configured[];
}
