import { LocalAgents, type Agents } from '@asterism/agents';
import { deployables, type Agent } from '@asterism/proto';
import type { AsterismEvent } from '@asterism/events';
import { local, type Service, type ServiceDefinition } from '@asterism/rpc';
import { compose, openRuntime, readEnvironment, type AsterismService, type Composition, type Runtime } from '@asterism/service';
import { fakeOperations } from './fake-operations.js';
import { startTestPostgres } from './test-postgres.js';

/** Stand-ins for services that are not under test, by token (Token.X); methods that a test never calls may be absent. */
export type TestServices = Record<string, object>;

export interface TestComposition {
  composition: Composition;
  runtime: Runtime;
  operations: ReturnType<typeof fakeOperations>;
  /** What the bus carried, in order. */
  events: AsterismEvent[];
  handler<T>(definition: ServiceDefinition): T;
  /** Resolves when no task runs and every event was published. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** The given services with a real PostgreSQL, the local bus, and fakes for everything else. */
export async function composeForTest(services: readonly AsterismService[], fakes: TestServices = {}, agent?: Partial<Agent>): Promise<TestComposition> {
  const postgres = await startTestPostgres();
  const runtime = await openRuntime({ ...readEnvironment({}), databaseUrl: postgres.url, replica: 'test' }, true);
  const operations = fakeOperations();
  const events: AsterismEvent[] = [];
  const publish = runtime.bus.publish.bind(runtime.bus);
  runtime.bus.publish = (event) => {
    events.push(event);
    return publish(event);
  };
  const agents = new LocalAgents('none');
  if (agent) agents.bind(agent as Agent);
  const composition = await compose({
    runtime,
    services,
    agents: agents satisfies Agents,
    definitions: Object.values(deployables).flat(),
    remoteService: (definition) => local(definition, (fakes[definition.fullName] ?? (definition.name === 'Operations' ? operations : {})) as Service<ServiceDefinition>),
    remoteTaskOwner: () => undefined,
    composition: 'standalone',
  });
  await composition.start();
  return {
    composition,
    runtime,
    operations,
    events,
    handler: <T>(definition: ServiceDefinition) => composition.handler(definition) as T,
    async settle() {
      for (const tasks of composition.tasks.values()) await tasks.idle();
      await runtime.relay?.settled();
    },
    async close() {
      await composition.close();
      await agents.close();
      await runtime.close();
      await postgres.stop();
    },
  };
}
