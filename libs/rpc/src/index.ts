export type { Service, ServiceDefinition, MethodDefinition, MessageType } from './definition.js';
export { type CallContext, type Requestor, type CallLimits, systemCall, childCall } from './call-context.js';
export { currentCall, onBehalfOf } from './current-call.js';
export { traceIdOf, traceOfRequest } from './trace-context.js';
export { activeWatcher, watched, watchWith, type Watched, type Watcher, type Work } from './watch.js';
export { local } from './local.js';
export { LostCall } from './lost-call.js';
export type { TlsFiles } from './tls.js';
export { repeated } from './repeated.js';
