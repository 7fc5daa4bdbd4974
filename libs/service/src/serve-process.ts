import { RemoteAgents } from '@asterism/agents/remote';
import { deployables, taskOwner, Token, type Cluster, type Deployable } from '@asterism/proto';
import type { ServiceDefinition, TlsFiles } from '@asterism/rpc';
import { Channel, remote, RpcServer } from '@asterism/rpc/wire';
import { createLogger } from '@asterism/telemetry';
import { compose } from './compose.js';
import type { AsterismService } from './define-service.js';
import { readEnvironment, readTls, type Environment } from './environment.js';
import { HealthDefinition, healthHandler } from './health.js';
import { serveHealth } from './health-server.js';
import { openRuntime } from './runtime.js';

/** Others may be replaced at any time: a call that nobody was there to take waits this long for who comes after. */
const patienceMs = 30_000;

/** Runs one service alone in this process: gRPC with mutual TLS, health, clean shutdown on SIGTERM and SIGINT. */
export async function serveProcess(service: AsterismService): Promise<void> {
  const logger = createLogger(service.name);
  const environment = readEnvironment();
  const tls = readTls(environment);
  let ready = false;
  if (environment.healthListen) serveHealth(environment.healthListen, () => ready);
  const runtime = await openRuntime(environment, service.migrations !== undefined, true);
  const peers = new Peers(environment, tls);
  const agents = remoteAgents(peers, tls);
  const composition = await compose({
    runtime,
    services: [service],
    agents,
    definitions: Object.values(deployables).flat(),
    remoteService: (definition) => remote(definition, peers.channel(deployableOf(definition))),
    remoteTaskOwner: (name) => (name in deployables ? remote(taskOwner.TaskOwnerDefinition, peers.channel(name)) : undefined),
    composition: 'processes',
  });

  const server = new RpcServer({ listen: environment.listen, tls });
  for (const [definition] of service.handlers) server.add(definition, composition.handler(definition) as never);
  const owned = composition.tasks.get(service.name);
  if (owned) server.add(taskOwner.TaskOwnerDefinition, owned);
  server.add(HealthDefinition, healthHandler(() => ready));
  const port = await server.listen();
  agents.start();
  await runtime.bus.subscribe(['agent.ready'], () => agents.refresh());
  await composition.start();
  ready = true;
  logger.info({ port }, 'serving');

  const stop = async (signal: string): Promise<void> => {
    ready = false;
    logger.info({ signal }, 'stopping');
    await service.drain?.(composition.app).catch((error: unknown) => logger.warn({ err: error }, 'not drained'));
    // First what others asked for is answered. What cannot be closed, with a store that is gone, keeps nothing else from being closed.
    for (const part of [server, composition, agents, peers, runtime]) {
      await (async () => part.close())().catch((error: unknown) => logger.warn({ err: error }, 'not closed cleanly'));
    }
    process.exit(0);
  };
  process.once('SIGTERM', (signal) => void stop(signal));
  process.once('SIGINT', (signal) => void stop(signal));
}

function deployableOf(definition: ServiceDefinition): Deployable {
  for (const [name, definitions] of Object.entries(deployables)) {
    if (definitions.some((candidate) => candidate.fullName === definition.fullName)) return name as Deployable;
  }
  throw new Error(`no deployable serves ${definition.fullName}`);
}

function remoteAgents(peers: Peers, tls: TlsFiles): RemoteAgents {
  const definition = deployables.cluster.find((candidate) => candidate.fullName === Token.Cluster)!;
  return new RemoteAgents(remote(definition, peers.channel('cluster')) as Cluster, { tls, patienceMs, ofInstallation: true });
}

/** One channel to each other service, opened when first used. */
class Peers {
  readonly #channels = new Map<string, Channel>();

  constructor(
    private readonly environment: Environment,
    private readonly tls: TlsFiles,
  ) {}

  channel(service: string): Channel {
    let channel = this.#channels.get(service);
    if (!channel) {
      channel = new Channel({ address: this.environment.peer(service), tls: this.tls, serverName: 'asterism', patienceMs });
      this.#channels.set(service, channel);
    }
    return channel;
  }

  close(): void {
    for (const channel of this.#channels.values()) channel.close();
  }
}

