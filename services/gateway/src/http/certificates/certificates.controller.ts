import { addCertificateBody, updateCertificateBody } from '@asterism/api';
import { LxdError } from '@asterism/errors';
import { common, Token, type Certificates } from '@asterism/proto';
import { Controller, Delete, Get, Inject, Patch, Post, Put, Req } from '@nestjs/common';
import { ServerCertificate } from '../../listeners/server-certificate.js';
import { changed, created, started, sync, type Answer } from '../answer.js';
import { bodyOf, callOf, ifMatchOf, listOf, parameter, type ApiRequest } from '../request.js';

@Controller('1.0/certificates')
export class CertificatesController {
  constructor(
    @Inject(Token.Certificates) private readonly certificates: Certificates,
    @Inject(ServerCertificate) private readonly certificate: ServerCertificate,
  ) {}

  @Get()
  async list(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.certificates.list(callOf(request), listOf(request)));
  }

  @Get(':fingerprint')
  async get(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.certificates.get(callOf(request), { fingerprint: parameter(request, 'fingerprint') }));
  }

  @Post()
  async add(@Req() request: ApiRequest): Promise<Answer> {
    const sent = await bodyOf(request, addCertificateBody);
    const { certificate, admin, trusted } = request.identity;
    if (trusted && !admin) throw new LxdError('forbidden', 'not authorized');
    if (sent.token && !admin) throw new LxdError('forbidden', 'not authorized');
    const added = await this.certificates.add(callOf(request), {
      ...sent,
      connection_certificate: certificate ?? Buffer.alloc(0),
      trusted: admin,
      server_fingerprint: this.certificate.fingerprint,
      remote_address: request.identity.address.replace(/:\d+$/, ''),
    });
    return added.operation ? started(added.operation) : created({ url: added.url });
  }

  @Put(':fingerprint')
  async replace(@Req() request: ApiRequest): Promise<Answer> {
    return this.#update(request, common.UpdateMode.REPLACE);
  }

  @Patch(':fingerprint')
  async patch(@Req() request: ApiRequest): Promise<Answer> {
    return this.#update(request, common.UpdateMode.MERGE);
  }

  @Delete(':fingerprint')
  async delete(@Req() request: ApiRequest): Promise<Answer> {
    await this.certificates.delete(callOf(request), { fingerprint: parameter(request, 'fingerprint') });
    return changed();
  }

  /** A restricted client may renew its own certificate and nothing else. */
  async #update(request: ApiRequest, mode: common.UpdateMode): Promise<Answer> {
    const { admin, username } = request.identity;
    const fingerprint = parameter(request, 'fingerprint');
    if (!admin && fingerprint !== username) throw new LxdError('forbidden', 'not authorized');
    const { projects, ...sent } = await bodyOf(request, updateCertificateBody);
    const update = { ...sent, projects: projects ?? [], fingerprint, mode, if_match: ifMatchOf(request), admin };
    await this.certificates.update(callOf(request), update);
    return changed();
  }
}
