import { setTimeout as sleep } from 'node:timers/promises';
import { LocalAgents } from '@asterism/agents';
import { RemoteAgents } from '@asterism/agents/remote';
import { LocalCache } from '@asterism/cache';
import { gatewayService } from '@asterism/gateway';
import { nodeAgentService } from '@asterism/node-agent';
import { agentDefinitions, cluster, deployables, events, type Cluster } from '@asterism/proto';
import { systemCall, type Service, type ServiceDefinition, type TlsFiles } from '@asterism/rpc';
import { Channel, remote, RpcServer } from '@asterism/rpc/wire';
import { compose, readEnvironment, RemoteEventBus, type Membership, type Runtime } from '@asterism/service';
import { startTelemetry } from '@asterism/telemetry';
import { localAgent } from './local-agent.js';
import type { Standalone } from './standalone.js';

const againAfterMs = 1_000;

/** The agent and the API of a host whose control plane is a cluster's; nothing of them when it fails. `removed` is called when the cluster gives it up. */
export async function startMember(stateDir: string, membership: Membership, removed: () => void): Promise<Standalone> {
  const { name, control_address, agent_address } = membership;
  const environment = { ...readEnvironment(), stateDir, member: name, listen: agent_address, advertise: agent_address, replica: name };
  const tls: TlsFiles = { ca: Buffer.from(membership.ca), cert: Buffer.from(membership.certificate), key: Buffer.from(membership.key) };
  await using opened = new AsyncDisposableStack();
  const channel = new Channel({ address: control_address, tls, serverName: 'asterism' });
  opened.defer(() => channel.close());
  const clusterService = remote(cluster.ClusterDefinition, channel) as Cluster;
  await reached(clusterService);
  const runtime = await openMemberRuntime(environment, channel);
  opened.defer(() => runtime.close());
  const agents = new LocalAgents(name);
  opened.defer(() => agents.close());
  let refused: ReadonlySet<string> = new Set();
  const others = new RemoteAgents(clusterService, {
    tls,
    own: ({ members, revoked }) => {
      refused = new Set(revoked);
      agents.recognise(members);
      environment.member = agents.own;
      return agents.own;
    },
    ...(membership.relays_agents ? { relay: channel } : {}),
  });
  agents.reachThrough(others);
  const composition = await compose({
    runtime,
    services: [nodeAgentService, gatewayService],
    agents,
    definitions: Object.values(deployables).flat(),
    remoteService: (definition) => remote(definition, channel),
    remoteTaskOwner: () => undefined,
    composition: 'member',
  });
  agents.bind(localAgent(composition));
  const server = new RpcServer({ listen: agent_address, tls, refuses: (fingerprint) => refused.size > 0 && refused.has(fingerprint()) });
  for (const definition of Object.values(agentDefinitions) as ServiceDefinition[]) server.add(definition, composition.handler(definition) as Service<ServiceDefinition>);
  await server.listen();
  opened.defer(() => server.close());
  await others.refresh();
  others.start();
  await runtime.bus.subscribe(['members.changed', 'agent.ready'], () => others.refreshSoon());
  await runtime.bus.subscribe(['member.removed'], ({ payload }) => (payload.member === environment.member ? removed() : undefined));
  opened.defer(() => composition.close());
  await composition.start();
  const running = opened.move();
  return { close: () => running.disposeAsync() };
}

/** The control plane may be starting, or away: a member waits for it, its instances run meanwhile. */
async function reached(service: Cluster): Promise<void> {
  for (;;) {
    if (await service.listMembers(systemCall({ timeoutMs: 5_000 }), {}).then(() => true, () => false)) return;
    await sleep(againAfterMs);
  }
}

async function openMemberRuntime(environment: Runtime['environment'], channel: Channel): Promise<Runtime> {
  const { metricsListen, otlpEndpoint, otlpServiceName: serviceName } = environment;
  const telemetry = await startTelemetry({ metricsListen, otlpEndpoint, serviceName });
  const bus = new RemoteEventBus(remote(events.EventsDefinition, channel));
  const cache = new LocalCache();
  return {
    environment,
    database: undefined,
    connections: undefined,
    relay: undefined,
    bus,
    cache,
    async close() {
      await bus.close();
      await cache.close();
      await telemetry.close();
    },
  };
}
