export { Agents } from './agents.js';
export { LocalAgents } from './local-agents.js';
