import { runService } from '@asterism/service';
import { nodeAgentService } from './index.js';

await runService(nodeAgentService);
