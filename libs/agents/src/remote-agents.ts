import { LxdError } from '@asterism/errors';
import { agentDefinitions, type Agent, type Cluster } from '@asterism/proto';
import { systemCall, type TlsFiles } from '@asterism/rpc';
import { Channel, remote } from '@asterism/rpc/wire';
import { Agents } from './agents.js';

interface Known {
  address: string;
  channel: Channel;
  agent: Agent;
}

const refreshMs = 5_000;

/** Agents of other processes; who they are is asked of the cluster service, at start, on request and every few seconds. */
export class RemoteAgents extends Agents {
  readonly #known = new Map<string, Known>();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly cluster: Cluster,
    private readonly tls: TlsFiles,
  ) {
    super();
  }

  start(): void {
    void this.refresh();
    this.#timer = setInterval(() => void this.refresh(), refreshMs);
    this.#timer.unref();
  }

  /** Asks who the members are; a cluster service that is away leaves things as they were. */
  async refresh(): Promise<void> {
    const answer = await this.cluster.listMembers(systemCall({ timeoutMs: 3_000 }), {}).catch(() => undefined);
    if (!answer) return;
    const named = new Set(answer.members.map((member) => member.name));
    for (const name of this.#known.keys()) if (!named.has(name)) this.#forget(name);
    for (const { name, address } of answer.members) if (address) this.#learn(name, address);
  }

  on(member: string): Agent {
    const known = this.#known.get(member);
    if (!known) throw new LxdError('unavailable', `Cluster member "${member}" is not available`);
    return known.agent;
  }

  members(): readonly string[] {
    return [...this.#known.keys()];
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    for (const { channel } of this.#known.values()) channel.close();
    this.#known.clear();
  }

  #learn(name: string, address: string): void {
    if (this.#known.get(name)?.address === address) return;
    this.#forget(name);
    const channel = new Channel({ address, tls: this.tls, serverName: 'asterism' });
    const agent = Object.fromEntries(Object.entries(agentDefinitions).map(([domain, definition]) => [domain, remote(definition, channel)]));
    this.#known.set(name, { address, channel, agent: agent as unknown as Agent });
  }

  #forget(name: string): void {
    this.#known.get(name)?.channel.close();
    this.#known.delete(name);
  }
}
