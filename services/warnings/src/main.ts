import { runService } from '@asterism/service';
import { warningsService } from './index.js';

await runService(warningsService);
