import { runService } from '@asterism/service';
import { storageService } from './index.js';

await runService(storageService);
