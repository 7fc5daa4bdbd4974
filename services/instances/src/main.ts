import { runService } from '@asterism/service';
import { instancesService } from './index.js';

await runService(instancesService);
