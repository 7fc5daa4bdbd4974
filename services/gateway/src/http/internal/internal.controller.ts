import { LxdError } from '@asterism/errors';
import { Token, type Cluster, type Instances, type Operations } from '@asterism/proto';
import { Controller, Get, Inject, Post, Put, Req } from '@nestjs/common';
import { Readiness } from '../../readiness.js';
import { acceptMemberBody, withdrawMemberBody } from '@asterism/api';
import { ServerCertificate } from '../../listeners/server-certificate.js';
import { changed, syncValue, type Answer } from '../answer.js';
import { bodyOf, callOf, isTrue, query, type ApiRequest } from '../request.js';
import { stopAllInstances } from './stop-all-instances.js';

/** What `lxd waitready` and `lxd shutdown` ask for over the unix socket. */
@Controller('internal')
export class InternalController {
  constructor(
    @Inject(Readiness) private readonly readiness: Readiness,
    @Inject(Token.Instances) private readonly instances: Instances,
    @Inject(Token.Operations) private readonly operations: Operations,
    @Inject(Token.Cluster) private readonly cluster: Cluster,
    @Inject(ServerCertificate) private readonly certificate: ServerCertificate,
  ) {}

  @Get('ready')
  ready(): Answer {
    if (this.readiness.state !== 'ready') throw new LxdError('unavailable', 'LXD daemon not ready yet');
    return changed();
  }

  /** A server that joins; the token or the password that it sends is what it proves itself with. */
  @Post('cluster/accept')
  async accept(@Req() request: ApiRequest): Promise<Answer> {
    const accepted = await this.cluster.accept(callOf(request), await bodyOf(request, acceptMemberBody));
    return syncValue({ ...accepted, api_certificate: this.certificate.pem, api_key: this.certificate.key });
  }

  /** A server that was accepted and could not join; the secret of its joining is what it proves itself with. */
  @Post('cluster/withdraw')
  async withdraw(@Req() request: ApiRequest): Promise<Answer> {
    await this.cluster.withdraw(callOf(request), await bodyOf(request, withdrawMemberBody));
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
