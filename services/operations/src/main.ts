import { runService } from '@asterism/service';
import { operationsService } from './index.js';

await runService(operationsService);
