import { runService } from '@asterism/service';
import { gatewayService } from './index.js';

await runService(gatewayService);
