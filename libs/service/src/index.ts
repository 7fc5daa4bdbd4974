export { waitingFor } from './waiting.js';
export { defineService, type AsterismService, type HandlerBinding } from './define-service.js';
export { readEnvironment, type Environment } from './environment.js';
export { compose, type Composition, type CompositionOptions } from './compose.js';
export { openRuntime, type Runtime } from './runtime.js';
export { runService } from './run-service.js';
export { TaskOwners } from './task-owners.js';
export { busHandler, RemoteEventBus, type Events } from './bus-over-rpc.js';
// For those who work for tasks and have none themselves.
export { progressOf, stageWords, type Count } from '@asterism/tasks';
export { forEach, Rounds } from './rounds.js';
export { RuntimeInfo } from './runtime-info.js';
export type { Membership } from './membership.js';
