import { LxdError } from '@asterism/errors';
import { agentDefinitions, type Agent, type Cluster, type cluster } from '@asterism/proto';
import { systemCall, type CallContext, type Service, type ServiceDefinition, type TlsFiles } from '@asterism/rpc';
import { Channel, remote } from '@asterism/rpc/wire';
import { Agents, type MemberFacts } from './agents.js';

interface Known extends Omit<MemberFacts, 'name'> {
  address: string;
  formerNames: readonly string[];
  /** Made when it is first asked for something. */
  reached?: { channel?: Channel; agent: Agent };
  /** It joined: its agent knows another authority than those of the installation. */
  joined: boolean;
}

export interface RemoteAgentsOptions {
  tls: TlsFiles;
  /** Hears of every answer; what it returns names the member that this process reaches without a wire. */
  own?: (answer: cluster.Members) => string | undefined;
  /** How long a call without a deadline waits for an agent that is being replaced. */
  patienceMs?: number;
  /** The certificates in `tls` are of an installation's own authority, which hosts that joined do not know. */
  ofInstallation?: boolean;
  /** The control plane passes calls on to agents: nobody else is reached. */
  relay?: Channel;
}

const askWithinMs = 3_000;
const refreshMs = 5_000;
/** Who hears of a change asks after a while that grows with the cluster: a thousand members do not all ask at once for what names a thousand. */
const laterMsPerMember = 5;

/** Agents of other processes; who they are is asked of the cluster service, at start, on request and every few seconds. */
export class RemoteAgents extends Agents {
  readonly #known = new Map<string, Known>();
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  /** Of what the cluster service answered last. */
  #version = '';

  /** For members that joined where the others are of the installation. */
  #joinedTls: TlsFiles | undefined;

  constructor(
    private readonly cluster: Cluster,
    private readonly options: RemoteAgentsOptions,
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
    const answer = await this.cluster.listMembers(systemCall({ timeoutMs: askWithinMs }), { known: this.#version }).catch(() => undefined);
    if (!answer || answer.unchanged) return;
    if (this.options.ofInstallation && answer.members.some(({ joined }) => joined)) await this.#learnJoinedTls();
    this.#version = answer.version;
    this.revoked = new Set(answer.revoked);
    const own = this.options.own?.(answer);
    const others = answer.members.filter(({ name, address }) => name !== own && address !== '');
    const named = new Set(others.flatMap(({ name, former_names }) => [name, ...former_names]));
    for (const name of this.#known.keys()) if (!named.has(name)) this.#forget(name);
    for (const member of others) this.#learn(member);
  }

  /** Something changed: asks once for all that changes within a short while. */
  refreshSoon(): void {
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      void this.refresh();
    }, Math.min(refreshMs, this.#known.size * laterMsPerMember)).unref();
  }

  on(member: string): Agent {
    const known = this.#find(member)?.[1];
    if (!known) throw new LxdError('unavailable', `Cluster member "${member}" is not available`);
    return (known.reached ??= this.#reach(member, known)).agent;
  }

  members(): readonly string[] {
    return [...this.#known.keys()].sort();
  }

  /** One alone may be late: there is nobody else to ask. */
  online(): readonly string[] {
    return this.#known.size === 1 ? this.members() : this.members().filter((name) => this.#known.get(name)?.online);
  }

  facts(): readonly MemberFacts[] {
    const online = new Set(this.online());
    return [...this.#known].map(([name, { architecture, cordoned, evacuated, groups, scheduler }]) => ({ name, architecture, online: online.has(name), cordoned, evacuated, groups, scheduler }));
  }

  nameOf(member: string): string | undefined {
    return this.#find(member)?.[0];
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    clearTimeout(this.#soon);
    for (const { reached } of this.#known.values()) reached?.channel?.close();
    this.#known.clear();
  }

  #find(member: string): [string, Known] | undefined {
    const known = this.#known.get(member);
    return known ? [member, known] : [...this.#known].find(([, { formerNames }]) => formerNames.includes(member));
  }

  #learn({ name, address, former_names: formerNames, ...facts }: cluster.Member): void {
    const [knownAs = name, before] = [name, ...formerNames].map((each) => [each, this.#known.get(each)] as const).find(([, known]) => known) ?? [];
    if (before?.address === address) {
      this.#known.delete(knownAs);
      this.#known.set(name, { ...before, ...facts, formerNames });
      return;
    }
    this.#forget(knownAs);
    this.#known.set(name, { ...facts, address, formerNames });
  }

  #reach(member: string, { address, joined }: Known): { channel?: Channel; agent: Agent } {
    const { relay, tls, patienceMs = 0 } = this.options;
    if (relay) return { agent: agentOf((definition) => meaning(member, remote(definition, relay))) };
    const channel = new Channel({ address, tls: (joined && this.#joinedTls) || tls, serverName: 'asterism', patienceMs });
    return { channel, agent: agentOf((definition) => remote(definition, channel)) };
  }

  /** A certificate of the authority that members which joined know. */
  async #learnJoinedTls(): Promise<void> {
    if (this.#joinedTls) return;
    const { ca, certificate, key } = await this.cluster.getControlPlane(systemCall({ timeoutMs: askWithinMs }), {});
    if (ca !== '') this.#joinedTls = { ca: Buffer.from(ca), cert: Buffer.from(certificate), key: Buffer.from(key) };
  }

  #forget(name: string): void {
    this.#known.get(name)?.reached?.channel?.close();
    this.#known.delete(name);
  }
}

function agentOf(bind: (definition: ServiceDefinition) => Service<ServiceDefinition>): Agent {
  return Object.fromEntries(Object.entries(agentDefinitions).map(([domain, definition]) => [domain, bind(definition)])) as unknown as Agent;
}

/** Each call says whose agent it is for. */
function meaning(member: string, bound: Service<ServiceDefinition>): Service<ServiceDefinition> {
  return Object.fromEntries(Object.entries(bound).map(([name, ask]) => [name, (call: CallContext, request: never) => ask({ ...call, member }, request)])) as Service<ServiceDefinition>;
}
