import { Agents } from '@asterism/agents';
import { EventBusToken, type EventBus } from '@asterism/events';
import { LxdError } from '@asterism/errors';
import { agentDefinitions, cluster, deployables, events, Token, type Agent, type Cluster } from '@asterism/proto';
import { systemCall, type CallContext, type Service, type ServiceDefinition } from '@asterism/rpc';
import type { RpcServer } from '@asterism/rpc/wire';
import { busHandler, RuntimeInfo } from '@asterism/service';
import { createLogger } from '@asterism/telemetry';
import { Inject, Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';

const logger = createLogger('door');
const againAfterMs = 10_000;

/**
 * Where services run in processes of their own, hosts that joined find all of them at one address, one port above the API. They show certificates of the
 * cluster's authority, which opens nothing else: the services themselves know that of the installation only (docs/adr/0034).
 */
@Injectable()
export class Door {
  #server: RpcServer | undefined;
  #following: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(RuntimeInfo) private readonly runtime: RuntimeInfo,
    @Inject(Token.Cluster) private readonly cluster: Cluster,
    @Inject(Agents) private readonly agents: Agents,
    @Inject(EventBusToken) private readonly bus: EventBus,
    @Inject(ModuleRef) private readonly modules: ModuleRef,
  ) {}

  /** Opens when there is an authority for those who join. */
  async start(): Promise<void> {
    if (this.runtime.composition !== 'processes') return;
    await this.bus.subscribe(['members.changed', 'config.changed'], () => this.#follow());
    this.#timer = setInterval(() => void this.#follow(), againAfterMs);
    this.#timer.unref();
    void this.#follow();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#following;
    await this.#server?.close();
  }

  #follow(): Promise<void> {
    this.#following = this.#following
      .then(() => (this.#server ? undefined : this.#open()))
      .catch((error: unknown) => logger.warn({ err: error }, 'hosts that joined are not served'));
    return this.#following;
  }

  async #open(): Promise<void> {
    const { address, ca, certificate, key } = await this.cluster.getControlPlane(systemCall({ timeoutMs: againAfterMs }), {});
    if (address === '') return;
    const { RpcServer } = await import('@asterism/rpc/wire');
    const refuses = (fingerprint: () => string): boolean => this.agents.revoked.size > 0 && this.agents.revoked.has(fingerprint());
    const listen = this.runtime.environment.membersListen ?? address;
    const server = new RpcServer({ listen, tls: { ca: Buffer.from(ca), cert: Buffer.from(certificate), key: Buffer.from(key) }, refuses });
    for (const definition of Object.values(deployables).flat() as ServiceDefinition[]) server.add(definition, this.#service(definition));
    for (const [domain, definition] of Object.entries(agentDefinitions) as [keyof Agent, ServiceDefinition][]) server.add(definition, this.#agent(domain, definition));
    server.add(events.EventsDefinition, busHandler(this.bus));
    await server.listen();
    this.#server = server;
    logger.info({ address: listen }, 'serving hosts that joined');
  }

  #service(definition: ServiceDefinition): Service<ServiceDefinition> {
    const bound = this.modules.get<Service<ServiceDefinition>>(definition.fullName, { strict: false });
    return definition.fullName === cluster.ClusterDefinition.fullName ? ({ ...bound, ...forMembers(this.cluster) } as unknown as Service<ServiceDefinition>) : bound;
  }

  /** Of the member that each call names. */
  #agent(domain: keyof Agent, { methods }: ServiceDefinition): Service<ServiceDefinition> {
    const ask = (name: string) => ({ member = '', ...call }: CallContext, request: never) => (this.agents.on(member)[domain] as unknown as Service<ServiceDefinition>)[name]!(call, request);
    return Object.fromEntries(Object.keys(methods).map((name) => [name, ask(name)])) as Service<ServiceDefinition>;
  }
}

/** Nobody becomes a member by saying that it is one, and what the control plane shows to members is nobody else's. */
function forMembers(service: Cluster): Pick<Cluster, 'register' | 'getControlPlane'> {
  return {
    register: (call, request) => service.register(call, { ...request, accepted_only: true }),
    getControlPlane: async () => {
      throw new LxdError('forbidden', 'not authorized');
    },
  };
}
