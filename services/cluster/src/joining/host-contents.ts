import { Inject, Injectable } from '@nestjs/common';
import { Agents, soleMember } from '@asterism/agents';
import { LxdError } from '@asterism/errors';
import { Token, type agentNetworks, type agentStorage, type common, type Instances, type Networks, type StoragePools } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';

interface Listed {
  name: string;
  config: Record<string, string>;
}

/** What a host has of its own before it joins a cluster. */
@Injectable()
export class HostContents {
  constructor(
    @Inject(Agents) private readonly agents: Agents,
    @Inject(Token.Instances) private readonly instances: Instances,
    @Inject(Token.StoragePools) private readonly pools: StoragePools,
    @Inject(Token.Networks) private readonly networks: Networks,
  ) {}

  /** The rest of what the host has is an empty frame; instances are somebody's data. */
  async requireNoInstances(call: CallContext): Promise<void> {
    const urls = read<string>(await this.instances.list(call, { list: { ...listed, all_projects: true, recursion: 0 }, type: '', view: 'instances' }));
    if (urls.length > 0) throw new LxdError('bad-request', 'This server has instances; a member keeps nothing of its own, so move or delete them before it joins');
  }

  /** On the host alone: the database that knows of it goes as a whole. */
  async giveUp(call: CallContext): Promise<void> {
    const agent = this.agents.on(soleMember);
    const { networks, pools } = await this.#frame(call);
    for (const network of networks) await agent.networks.remove(call, network);
    for (const pool of pools) await agent.storage.deletePool(call, pool);
  }

  /** The frame again, empty: the host stays alone. */
  async bringBack(call: CallContext): Promise<void> {
    const agent = this.agents.on(soleMember);
    const { networks, pools } = await this.#frame(call);
    for (const pool of pools) await agent.storage.createPool(call, pool);
    for (const network of networks) await agent.networks.apply(call, network);
  }

  async #frame(call: CallContext): Promise<{ networks: agentNetworks.BridgeSpec[]; pools: agentStorage.Pool[] }> {
    const networks = read<Listed & { type: string; managed: boolean }>(await this.networks.list(call, listed)).filter(({ managed }) => managed);
    const pools = read<Listed & { driver: string }>(await this.pools.list(call, listed));
    return {
      networks: networks.map(({ name, type, config }) => ({ project: 'default', name, type, config })),
      pools: pools.map(({ name, driver, config }) => ({ name, driver, config })),
    };
  }
}

const listed: common.ListRequest = { project: 'default', all_projects: false, recursion: 1, filter: '', visible_projects: [] };

function read<T>({ json }: common.Document): T[] {
  return JSON.parse(json.toString()) as T[];
}
