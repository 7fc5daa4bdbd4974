import { runService } from '@asterism/service';
import { projectsService } from './index.js';

await runService(projectsService);
