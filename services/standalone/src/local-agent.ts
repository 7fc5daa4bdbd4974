import { agentDefinitions, type Agent } from '@asterism/proto';
import { local, type Service, type ServiceDefinition } from '@asterism/rpc';
import type { Composition } from '@asterism/service';

/** The agent that a composition serves, for callers in the same process. */
export function localAgent(composition: Composition): Agent {
  const services = Object.entries(agentDefinitions).map(([domain, definition]: [string, ServiceDefinition]) => {
    const handler = composition.handler(definition);
    if (!handler) throw new Error(`the node-agent does not serve ${definition.fullName}`);
    return [domain, local(definition, handler as Service<ServiceDefinition>)];
  });
  return Object.fromEntries(services) as Agent;
}
