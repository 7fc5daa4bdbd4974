import { runService } from '@asterism/service';
import { networksService } from './index.js';

await runService(networksService);
