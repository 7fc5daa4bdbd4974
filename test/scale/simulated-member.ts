import { event, type AsterismEvent } from '@asterism/events';
import { agentDefinitions, cluster, events, type Agent, type Cluster } from '@asterism/proto';
import { systemCall, type Service, type ServiceDefinition, type TlsFiles } from '@asterism/rpc';
import { Channel, remote, RpcServer } from '@asterism/rpc/wire';
import { RemoteEventBus, type Membership } from '@asterism/service';
import { memberRollDefinition } from './skimmed-members.js';
import { SimulatedHost } from './simulated-host.js';
import { SimulatedInstances } from './simulated-instances.js';
import { SimulatedStorage } from './simulated-storage.js';
import { SimulatedBackups, SimulatedFiles, SimulatedImages, SimulatedMachine, SimulatedNetworks } from './simulated-surroundings.js';

/** As a member's own process does. */
const renewMs = 10_000;
const askMembersMs = 5_000;
const laterMsPerMember = 5;

/** One member of the cluster on the wire: it serves the agent's contract with the certificate it was given, and keeps in touch as a real one does. */
export class SimulatedMember {
  readonly host = new SimulatedHost();
  /** How long its heartbeats took, milliseconds. */
  readonly heartbeats: number[] = [];
  lost = 0;
  readonly #cluster: Cluster;
  readonly #roll: Service<typeof memberRollDefinition>;
  readonly #channel: Channel;
  readonly #tls: TlsFiles;
  readonly #bus: RemoteEventBus;
  #server: RpcServer | undefined;
  #timers: NodeJS.Timeout[] = [];
  #soon: NodeJS.Timeout | undefined;
  #known = { version: '', members: 0 };

  constructor(private readonly membership: Membership) {
    const { control_address, ca, certificate, key } = membership;
    this.#tls = { ca: Buffer.from(ca), cert: Buffer.from(certificate), key: Buffer.from(key) };
    this.#channel = new Channel({ address: control_address, tls: this.#tls, serverName: 'asterism' });
    this.#cluster = remote(cluster.ClusterDefinition, this.#channel) as Cluster;
    this.#roll = remote(memberRollDefinition, this.#channel);
    this.#bus = new RemoteEventBus(remote(events.EventsDefinition, this.#channel));
  }

  get name(): string {
    return this.membership.name;
  }

  /** In the order of a real one: it serves, then follows its cluster, then says that it is there. */
  async start(): Promise<void> {
    await this.#askMembers();
    await this.#serve();
    await this.#bus.subscribe(['members.changed', 'agent.ready'], () => this.#askMembersSoon());
    await this.#bus.subscribe(['member.removed'], () => undefined);
    await this.#register();
    await this.#say(event('agent.ready', { member: this.name }));
    this.#keepInTouch();
  }

  publish(what: AsterismEvent): Promise<void> {
    return this.#bus.publish(what);
  }

  /** Its host is cut off: it says nothing and nobody reaches it. */
  async fallSilent(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers = [];
    await this.#server?.close(0, 0);
    this.#server = undefined;
  }

  async comeBack(): Promise<void> {
    await this.#serve();
    await this.#register();
    this.#keepInTouch();
  }

  async stop(): Promise<void> {
    await this.fallSilent();
    await this.#bus.close();
    this.#channel.close();
  }

  async #serve(): Promise<void> {
    const { host, membership } = this;
    const agent: Agent = {
      instances: new SimulatedInstances(host),
      storage: new SimulatedStorage(host),
      networks: new SimulatedNetworks(host),
      images: new SimulatedImages(),
      backups: new SimulatedBackups(),
      files: new SimulatedFiles(),
      host: new SimulatedMachine(membership.agent_address),
    };
    const server = new RpcServer({ listen: membership.agent_address, tls: this.#tls });
    for (const [domain, definition] of Object.entries(agentDefinitions) as [keyof Agent, ServiceDefinition][]) server.add(definition, agent[domain] as unknown as Service<ServiceDefinition>);
    await server.listen();
    this.#server = server;
  }

  /** Spread over the interval, as hosts that were not started at the same moment are. */
  #keepInTouch(): void {
    const every = (ms: number, work: () => Promise<void>): void => {
      const first = setTimeout(() => {
        this.#timers.push(setInterval(() => void work(), ms));
        void work();
      }, Math.random() * ms);
      this.#timers.push(first);
    };
    every(renewMs, () => this.#register());
    every(askMembersMs, () => this.#askMembers());
  }

  /** A control plane that stands still is told again, as a member's process does that starts anew. */
  async #say(what: AsterismEvent): Promise<void> {
    while (!(await this.publish(what).then(() => true, () => false))) this.lost++;
  }

  async #register(): Promise<void> {
    const { membership } = this;
    const started = performance.now();
    const { json } = await new SimulatedMachine(membership.agent_address).environment();
    const known = await this.#cluster.register(systemCall({ timeoutMs: 10_000 }), { name: this.name, address: membership.agent_address, architecture: 'x86_64', environment: json }).catch(() => undefined);
    if (known) this.heartbeats.push(performance.now() - started);
    else this.lost++;
  }

  /** As `RemoteAgents` does, of which a real member has one; a thousand in one process would only show how large the answer is. */
  async #askMembers(): Promise<void> {
    const answer = await this.#roll.listMembers(systemCall({ timeoutMs: 3_000 }), { known: this.#known.version }).catch(() => void this.lost++);
    if (answer && !answer.unchanged) this.#known = { version: answer.version, members: answer.count };
  }

  #askMembersSoon(): void {
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      void this.#askMembers();
    }, Math.min(askMembersMs, this.#known.members * laterMsPerMember));
  }
}
