import { LocalAgents } from '@asterism/agents';
import { clusterService } from '@asterism/cluster';
import { gatewayService } from '@asterism/gateway';
import { imagesService } from '@asterism/images';
import { instancesService } from '@asterism/instances';
import { networksService } from '@asterism/networks';
import { nodeAgentService } from '@asterism/node-agent';
import { operationsService } from '@asterism/operations';
import { projectsService } from '@asterism/projects';
import { agentDefinitions, deployables, type Agent } from '@asterism/proto';
import { local, type Service, type ServiceDefinition } from '@asterism/rpc';
import { compose, openRuntime, readEnvironment } from '@asterism/service';
import { storageService } from '@asterism/storage';
import { warningsService } from '@asterism/warnings';

/** In the order of their start: who answers comes before who asks, the listeners come last. */
const services = [
  operationsService,
  projectsService,
  warningsService,
  clusterService,
  storageService,
  networksService,
  imagesService,
  instancesService,
  nodeAgentService,
  gatewayService,
];

export interface Standalone {
  close(): Promise<void>;
}

/** The whole constellation in this process, the node-agent as the only member. */
export async function startStandalone(stateDir: string): Promise<Standalone> {
  const environment = { ...readEnvironment(), stateDir, replica: 'standalone' };
  const runtime = await openRuntime(environment, true);
  const agents = new LocalAgents(environment.member);
  const composition = await compose({
    runtime,
    services,
    agents,
    definitions: Object.values(deployables).flat(),
    remoteService: () => undefined,
    remoteTaskOwner: () => undefined,
    composition: 'standalone',
  });
  const agent = Object.entries(agentDefinitions).map(([domain, definition]: [string, ServiceDefinition]) => {
    const handler = composition.handler(definition);
    if (!handler) throw new Error(`the node-agent does not serve ${definition.fullName}`);
    return [domain, local(definition, handler as Service<ServiceDefinition>)];
  });
  agents.bind(Object.fromEntries(agent) as Agent);
  await composition.start();
  return {
    async close() {
      await composition.close();
      await agents.close();
      await runtime.close();
    },
  };
}
