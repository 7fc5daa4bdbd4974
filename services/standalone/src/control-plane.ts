import type { LocalAgents } from '@asterism/agents';
import type { EventBus, Subscription } from '@asterism/events';
import { agentDefinitions, cluster, deployables, events, type Cluster } from '@asterism/proto';
import { systemCall, type Service, type ServiceDefinition, type TlsFiles } from '@asterism/rpc';
import type { RpcServer } from '@asterism/rpc/wire';
import { busHandler, type Composition, type Environment } from '@asterism/service';
import { createLogger } from '@asterism/telemetry';

const logger = createLogger('cluster');

interface Options {
  composition: Composition;
  agents: LocalAgents;
  bus: EventBus;
  environment: Environment;
}

/** Serves this process's services, its agent and its bus to the other members of a cluster. While there is no cluster it does nothing. */
export class ControlPlane {
  readonly #cluster: Cluster;
  #server: RpcServer | undefined;
  #subscription: Subscription | undefined;
  #revoked: ReadonlySet<string> = new Set();

  constructor(private readonly options: Options) {
    this.#cluster = options.composition.handler(cluster.ClusterDefinition) as Cluster;
  }

  /** The name of this host's own member, and the members beside it, before anything starts that asks for them. */
  async start(): Promise<void> {
    await this.#recogniseOwn();
    this.#subscription = await this.options.bus.consume('standalone.members', ['members.changed'], () => this.#follow());
    await this.#follow();
  }

  async close(): Promise<void> {
    await this.#subscription?.close();
    await this.#server?.close();
  }

  /** Failing to listen must not hold up the events of everybody else. */
  async #follow(): Promise<void> {
    try {
      await this.#recogniseOwn();
      if (!this.#server) await this.#open();
      await this.options.agents.refresh();
    } catch (error) {
      logger.error({ err: error }, 'the control plane is not served to members');
    }
  }

  async #recogniseOwn(): Promise<void> {
    const { agents, environment } = this.options;
    agents.recognise((await this.#cluster.listMembers(systemCall(), {})).members);
    environment.member = agents.own;
  }

  async #open(): Promise<void> {
    const plane = await this.#cluster.getControlPlane(systemCall(), {});
    if (plane.address === '') return;
    const tls: TlsFiles = { ca: Buffer.from(plane.ca), cert: Buffer.from(plane.certificate), key: Buffer.from(plane.key) };
    const { RpcServer } = await import('@asterism/rpc/wire');
    const server = new RpcServer({ listen: plane.address, tls, refuses: (fingerprint) => this.#revoked.size > 0 && this.#revoked.has(fingerprint()) });
    const { composition, bus } = this.options;
    for (const definition of [...Object.values(deployables).flat(), ...Object.values(agentDefinitions)] as ServiceDefinition[]) server.add(definition, composition.handler(definition) as Service<ServiceDefinition>);
    server.add(events.EventsDefinition, busHandler(bus));
    await server.listen();
    this.#server = server;
    await this.#reachOthers(tls);
    logger.info({ address: plane.address }, 'serving the control plane to members');
  }

  async #reachOthers(tls: TlsFiles): Promise<void> {
    const { agents, environment } = this.options;
    const { RemoteAgents } = await import('@asterism/agents/remote');
    const others = new RemoteAgents(this.#cluster, {
      tls,
      own: ({ members, revoked }) => {
        this.#revoked = new Set(revoked);
        agents.recognise(members);
        environment.member = agents.own;
        return agents.own;
      },
    });
    await others.refresh();
    others.start();
    agents.reachThrough(others);
  }
}
