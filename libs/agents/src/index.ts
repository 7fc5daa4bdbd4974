export { Agents } from './agents.js';
export { LocalAgents } from './local-agents.js';
export { RemoteAgents } from './remote-agents.js';
