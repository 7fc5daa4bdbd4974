/** The binding over gRPC, apart from the rest: a process that never speaks it does not load it. */
export { remote, Channel, type ChannelOptions } from './remote.js';
export { RpcServer, type RpcServerOptions } from './server.js';
