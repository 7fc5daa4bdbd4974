export { Agents, soleMember, type MemberFacts } from './agents.js';
export { LocalAgents } from './local-agents.js';
