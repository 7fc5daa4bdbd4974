export { Agents, soleMember } from './agents.js';
export { LocalAgents } from './local-agents.js';
