import { All, Controller } from '@nestjs/common';
import { syncValue, type Answer } from '../answer.js';

/** Tells the versions of the API, whatever the verb. */
@Controller()
export class RootController {
  @All()
  versions(): Answer {
    return syncValue(['/1.0']);
  }
}
