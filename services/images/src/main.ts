import { runService } from '@asterism/service';
import { imagesService } from './index.js';

await runService(imagesService);
