import { TLSSocket } from 'node:tls';
import { clusterBody, joinTokenBody, memberBody, memberNameBody, memberStateBody } from '@asterism/api';
import { LxdError } from '@asterism/errors';
import { Token, type Cluster, type Evacuations } from '@asterism/proto';
import { RuntimeInfo } from '@asterism/service';
import { Controller, Delete, Get, Inject, Patch, Post, Put, Req } from '@nestjs/common';
import { ServerCertificate } from '../../listeners/server-certificate.js';
import { changed, created, started, sync, type Answer } from '../answer.js';
import { bodyOf, callOf, ifMatchOf, isTrue, listOf, memberOf, parameter, query, type ApiRequest } from '../request.js';

/** Where a client over HTTPS says that it found the API. */
function reachedAt({ raw, headers }: ApiRequest): { reached_at?: string } {
  return raw.socket instanceof TLSSocket && headers.host !== undefined ? { reached_at: headers.host } : {};
}

@Controller('1.0')
export class ClusterController {
  constructor(
    @Inject(Token.Cluster) private readonly cluster: Cluster,
    @Inject(Token.Evacuations) private readonly evacuations: Evacuations,
    @Inject(ServerCertificate) private readonly certificate: ServerCertificate,
    @Inject(RuntimeInfo) private readonly runtime: RuntimeInfo,
  ) {}

  @Get('cluster')
  async get(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.cluster.getCluster(callOf(request), { member: this.runtime.environment.member }));
  }

  /** Without an address of a cluster this server begins one, with one it joins. */
  @Put('cluster')
  async change(@Req() request: ApiRequest): Promise<Answer> {
    const { enabled, ...sent } = await bodyOf(request, clusterBody);
    if (!enabled && sent.server_name !== '') throw new LxdError('bad-request', 'ServerName must be empty when disabling clustering');
    if (!enabled) return this.#disable(request);
    const call = callOf(request);
    return started(await (sent.cluster_address === '' ? this.cluster.enable(call, sent) : this.cluster.join(call, sent)));
  }

  @Get('cluster/members')
  async members(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.cluster.listClusterMembers(callOf(request), listOf(request)));
  }

  @Post('cluster/members')
  async invite(@Req() request: ApiRequest): Promise<Answer> {
    const sent = await bodyOf(request, joinTokenBody);
    return started(await this.cluster.issueToken(callOf(request), { ...sent, fingerprint: this.certificate.fingerprint, ...reachedAt(request) }));
  }

  @Get('cluster/members/:name')
  async member(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.cluster.getMember(callOf(request), { project: '', name: parameter(request, 'name') }));
  }

  @Put('cluster/members/:name')
  async replace(@Req() request: ApiRequest): Promise<Answer> {
    const sent = await bodyOf(request, memberBody);
    const { config, groups, ...rest } = sent;
    await this.cluster.updateMember(callOf(request), { ...rest, config: config && { values: config }, groups: groups && { names: groups }, name: parameter(request, 'name'), if_match: ifMatchOf(request) });
    return changed();
  }

  /** As PUT: that is how the reference has it. */
  @Patch('cluster/members/:name')
  async patch(@Req() request: ApiRequest): Promise<Answer> {
    return this.replace(request);
  }

  @Post('cluster/members/:name')
  async rename(@Req() request: ApiRequest): Promise<Answer> {
    const { server_name } = await bodyOf(request, memberNameBody);
    return created(await this.cluster.renameMember(callOf(request), { name: parameter(request, 'name'), new_name: server_name }));
  }

  @Delete('cluster/members/:name')
  async remove(@Req() request: ApiRequest): Promise<Answer> {
    await this.cluster.removeMember(callOf(request), { name: parameter(request, 'name'), force: isTrue(query(request, 'force')) });
    return changed();
  }

  @Post('cluster/members/:name/state')
  async state(@Req() request: ApiRequest): Promise<Answer> {
    const { action } = await bodyOf(request, memberStateBody);
    return started(await this.evacuations.change(callOf(request), { member: parameter(request, 'name'), action }));
  }

  @Get('resources')
  async resources(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.cluster.resources(callOf(request), { target: memberOf(request, this.runtime) }));
  }

  /** A member leaves when it is removed; a host of its own has nothing to leave. */
  async #disable(request: ApiRequest): Promise<Answer> {
    const { json } = await this.cluster.getCluster(callOf(request), { member: this.runtime.environment.member });
    const { enabled, server_name } = JSON.parse(json.toString()) as { enabled: boolean; server_name: string };
    if (enabled) throw new LxdError('bad-request', `Member ${JSON.stringify(server_name)} leaves the cluster when it is removed from it`);
    return changed();
  }
}
