import { runService } from '@asterism/service';
import { clusterService } from './index.js';

await runService(clusterService);
