import 'reflect-metadata';
import { Agents } from '@asterism/agents';
import { CacheToken } from '@asterism/cache';
import { Database, migrate } from '@asterism/database';
import { EventBusToken } from '@asterism/events';
import { Token, type Operations } from '@asterism/proto';
import { local, type Service, type ServiceDefinition } from '@asterism/rpc';
import { Tasks } from '@asterism/tasks';
import { Module, type DynamicModule, type INestApplicationContext, type Provider, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { AsterismService } from './define-service.js';
import type { Runtime } from './runtime.js';
import { RuntimeInfo } from './runtime-info.js';
import { TaskOwners, type TaskOwner } from './task-owners.js';

export interface CompositionOptions {
  runtime: Runtime;
  /** In the order of their start hooks. */
  services: readonly AsterismService[];
  agents: Agents;
  /** Binds proto services that this process does not serve itself. */
  remoteService(definition: ServiceDefinition): Service<ServiceDefinition> | undefined;
  remoteTaskOwner(service: string): TaskOwner | undefined;
  /** Every definition that may be injected. */
  definitions: readonly ServiceDefinition[];
  composition: RuntimeInfo['composition'];
  become?: RuntimeInfo['become'];
}

export interface Composition {
  app: INestApplicationContext;
  /** The handler in this process that serves a definition. */
  handler(definition: ServiceDefinition): object | undefined;
  tasks: ReadonlyMap<string, Tasks>;
  /** Publishes what a crash left, takes over old tasks, runs the start hooks. */
  start(): Promise<void>;
  close(): Promise<void>;
}

/** Puts services into one Nest application: one module each, bound to each other locally where they share the process. */
export async function compose(options: CompositionOptions): Promise<Composition> {
  const { runtime, services } = options;
  const targets = new Map<string, object>();
  const tasks = new Map<string, Tasks>();
  const bindings = options.definitions.map((definition): [string, Service<ServiceDefinition>] => {
    const own = services.some((service) => service.handlers.some(([served]) => served.fullName === definition.fullName));
    const bound = own ? local(definition, lateHandler(definition, targets)) : options.remoteService(definition);
    if (!bound) throw new Error(`nobody serves ${definition.fullName}`);
    return [definition.fullName, bound];
  });
  const operations = bindings.find(([name]) => name === Token.Operations)?.[1] as unknown as Operations;
  for (const service of services) if (service.migrations) await migrate(runtime.database!, service.name, service.migrations);

  const modules = services.map((service) => serviceModule(service, runtime, operations, tasks));
  const shared: Provider[] = [
    ...bindings.map(([token, bound]) => ({ provide: token, useValue: bound })),
    { provide: EventBusToken, useValue: runtime.bus },
    { provide: CacheToken, useValue: runtime.cache },
    { provide: Agents, useValue: options.agents },
    { provide: TaskOwners, useValue: new TaskOwners((name) => tasks.get(name) ?? options.remoteTaskOwner(name)) },
    { provide: RuntimeInfo, useValue: new RuntimeInfo(runtime.environment, options.composition, options.become) },
  ];
  class Shared {}
  class Root {}
  const sharedModule: DynamicModule = { module: Shared, global: true, providers: shared, exports: shared.map((provider) => (provider as { provide: string }).provide) };
  Module({ imports: [sharedModule, ...modules] })(Root);

  const create = services.find((service) => service.createApplication)?.createApplication ?? createPlainApplication;
  const app = await create(Root);
  const handlers = new Map<string, object>();
  for (const service of services) {
    for (const [definition, type] of service.handlers) {
      const handler = app.get(type, { strict: false });
      targets.set(definition.fullName, handler);
      handlers.set(definition.fullName, handler);
    }
  }
  return {
    app,
    tasks,
    handler: (definition) => handlers.get(definition.fullName),
    async start() {
      for (const service of services) await followMembers(service, runtime);
      for (const service of services) await service.listen?.(app);
      for (const service of services) if (service.migrations) await runtime.relay!.watch(service.name);
      for (const owned of tasks.values()) await owned.resume();
      for (const service of services) await service.start?.(app);
    },
    async close() {
      for (const service of [...services].reverse()) await service.stop?.(app);
      await Promise.all([...tasks.values()].map((owned) => owned.close()));
      await runtime.relay?.settled();
      await app.close();
    },
  };
}

function serviceModule(service: AsterismService, runtime: Runtime, operations: Operations, tasks: Map<string, Tasks>): DynamicModule {
  const providers: Provider[] = [...service.providers];
  if (service.migrations) {
    const database = new Database({ connections: runtime.connections!, schema: service.name, relay: runtime.relay! });
    const owned = new Tasks({ database, operations, service: service.name, owner: `${service.name}@${runtime.environment.replica}`, failPoints: runtime.environment.failPoints });
    tasks.set(service.name, owned);
    providers.push({ provide: Database, useValue: database }, { provide: Tasks, useValue: owned });
  }
  const type: Type<object> = { [service.name]: class {} }[service.name]!;
  return { module: type, providers, controllers: [...(service.controllers ?? [])] };
}

/** Rows that name a member name it by its new name, and none that is gone. */
async function followMembers({ name, membersIn, membersGoFrom }: AsterismService, { bus, connections }: Runtime): Promise<void> {
  if (!membersIn || !connections) return;
  await bus.consume(`${name}.member-names`, ['member.renamed', 'member.removed'], async (event) => {
    if (event.kind === 'member.renamed') {
      for (const [table, column] of membersIn) await connections.query(`UPDATE ${table} SET ${column} = $2 WHERE ${column} = $1`, [event.payload.from, event.payload.to]);
    } else {
      for (const [table, column] of membersGoFrom ?? []) await connections.query(`DELETE FROM ${table} WHERE ${column} = $1`, [event.payload.member]);
    }
  });
}

/** Services call each other in circles, so a handler is looked up when it is called. */
function lateHandler<D extends ServiceDefinition>(definition: D, targets: Map<string, object>): Service<D> {
  const handler: Record<string, unknown> = {};
  for (const name of Object.keys(definition.methods)) {
    handler[name] = (call: unknown, request: unknown) => {
      const target = targets.get(definition.fullName) as Record<string, (call: unknown, request: unknown) => unknown>;
      return target[name]!(call, request);
    };
  }
  return handler as unknown as Service<D>;
}

async function createPlainApplication(root: Type<object>): Promise<INestApplicationContext> {
  return NestFactory.createApplicationContext(root, { logger: ['error', 'warn'] });
}
