export type { Service, ServiceDefinition, MethodDefinition, MessageType } from './definition.js';
export { type CallContext, type Requestor, type CallLimits, systemCall, childCall } from './call-context.js';
export { local } from './local.js';
export { remote, Channel, type ChannelOptions } from './remote.js';
export { RpcServer, type RpcServerOptions } from './server.js';
export type { TlsFiles } from './tls.js';
