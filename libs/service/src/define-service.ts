import type { Provider, Type } from '@nestjs/common';
import type { INestApplicationContext } from '@nestjs/common';
import type { Migration } from '@asterism/database';
import type { ServiceDefinition } from '@asterism/rpc';

export type HandlerBinding = readonly [ServiceDefinition, Type<object>];

/**
 * A deployable: what it provides to injection, what it serves, what its schema looks like. `libs/service` makes the Nest
 * module of it, alone in a process or beside all others in standalone.
 */
export interface AsterismService {
  name: string;
  providers: readonly Provider[];
  controllers?: readonly Type<object>[];
  handlers: readonly HandlerBinding[];
  /** Present when the service has a schema of its own, named like the service. */
  migrations?: readonly Migration[];
  /** Columns that name members, as [table, column]: they follow when a member is renamed. */
  membersIn?: readonly (readonly [table: string, column: string])[];
  /** Of these the rows go with the member, in this order. */
  membersGoFrom?: readonly (readonly [table: string, column: string])[];
  /** Makes the Nest application of a process; default is one without HTTP. */
  createApplication?: (root: Type<object>) => Promise<INestApplicationContext>;
  /** Begins to consume events: before any is published that a crash left behind. */
  listen?: (app: INestApplicationContext) => Promise<void>;
  /** After everything can be called; the last to run is the gateway's, which opens the listeners. */
  start?: (app: INestApplicationContext) => Promise<void>;
  /** Of a process of its own that is to end, while it still answers: what is nearly over comes to its end. */
  drain?: (app: INestApplicationContext) => Promise<void>;
  /** Before anything is taken down. */
  stop?: (app: INestApplicationContext) => Promise<void>;
}

export function defineService(service: AsterismService): AsterismService {
  return service;
}
