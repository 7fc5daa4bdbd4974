import { LxdError } from '@asterism/errors';
import { Token, type Cluster } from '@asterism/proto';
import { Controller, Get, Inject, Req } from '@nestjs/common';
import { sync, type Answer } from '../answer.js';
import { callOf, query, type ApiRequest } from '../request.js';

@Controller('1.0')
export class ClusterController {
  constructor(@Inject(Token.Cluster) private readonly cluster: Cluster) {}

  @Get('cluster')
  async get(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.cluster.getCluster(callOf(request), {}));
  }

  @Get('cluster/members')
  members(): Answer {
    throw new LxdError('internal', 'Server is not clustered');
  }

  @Get('resources')
  async resources(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.cluster.resources(callOf(request), { target: query(request, 'target') }));
  }
}
