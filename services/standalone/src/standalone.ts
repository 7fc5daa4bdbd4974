import { LocalAgents } from '@asterism/agents';
import { clusterService } from '@asterism/cluster';
import { gatewayService, Listeners } from '@asterism/gateway';
import { imagesService } from '@asterism/images';
import { instancesService } from '@asterism/instances';
import { networksService } from '@asterism/networks';
import { nodeAgentService } from '@asterism/node-agent';
import { operationsService } from '@asterism/operations';
import { projectsService } from '@asterism/projects';
import { deployables } from '@asterism/proto';
import { compose, openRuntime, readEnvironment, type RuntimeInfo } from '@asterism/service';
import { storageService } from '@asterism/storage';
import { warningsService } from '@asterism/warnings';
import { ControlPlane } from './control-plane.js';
import { localAgent } from './local-agent.js';

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
  /** Leaves the API's addresses to who comes next; what is open goes on. */
  handOver?(): Promise<void>;
  /** Serves them again: nobody came. */
  takeBack?(): Promise<void>;
  close(): Promise<void>;
}

/** The whole constellation in this process with the node-agent of its host; in a cluster the control plane of the other members too. */
export async function startStandalone(stateDir: string, become?: RuntimeInfo['become']): Promise<Standalone> {
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
    become,
  });
  agents.bind(localAgent(composition));
  const controlPlane = new ControlPlane({ composition, agents, bus: runtime.bus, environment });
  await controlPlane.start();
  await composition.start();
  return {
    handOver: () => composition.app.get(Listeners, { strict: false }).handOver(),
    takeBack: () => composition.app.get(Listeners, { strict: false }).takeBack(),
    async close() {
      await composition.close();
      await controlPlane.close();
      await agents.close();
      await runtime.close();
    },
  };
}
