import { LxdError } from '@asterism/errors';
import { Token, type Instances, type Operations } from '@asterism/proto';
import { Controller, Get, Inject, Put, Req } from '@nestjs/common';
import { Readiness } from '../../readiness.js';
import { changed, type Answer } from '../answer.js';
import { callOf, isTrue, query, type ApiRequest } from '../request.js';
import { stopAllInstances } from './stop-all-instances.js';

/** What `lxd waitready` and `lxd shutdown` ask for over the unix socket. */
@Controller('internal')
export class InternalController {
  constructor(
    @Inject(Readiness) private readonly readiness: Readiness,
    @Inject(Token.Instances) private readonly instances: Instances,
    @Inject(Token.Operations) private readonly operations: Operations,
  ) {}

  @Get('ready')
  ready(): Answer {
    if (this.readiness.state !== 'ready') throw new LxdError('unavailable', 'LXD daemon not ready yet');
    return changed();
  }

  /** Stops every instance and then this process, as a signal would. */
  @Put('shutdown')
  async shutdown(@Req() request: ApiRequest): Promise<Answer> {
    this.readiness.become('stopping');
    await stopAllInstances(this.instances, this.operations, callOf(request), isTrue(query(request, 'force')));
    setTimeout(() => process.kill(process.pid, 'SIGTERM'), 50);
    return changed();
  }
}
