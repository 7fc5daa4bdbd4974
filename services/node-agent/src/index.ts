export { nodeAgentService } from './node-agent-service.js';
