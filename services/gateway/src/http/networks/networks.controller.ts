import { createNetworkBody, renameNetworkBody, updateNetworkBody } from '@asterism/api';
import { common, Token, type Networks } from '@asterism/proto';
import { RuntimeInfo } from '@asterism/service';
import { Controller, Delete, Get, Inject, Patch, Post, Put, Req } from '@nestjs/common';
import { changed, created, sync, type Answer } from '../answer.js';
import { bodyOf, callOf, ifMatchOf, listOf, memberOf, parameter, projectOf, query, type ApiRequest } from '../request.js';

@Controller('1.0/networks')
export class NetworksController {
  constructor(
    @Inject(Token.Networks) private readonly networks: Networks,
    @Inject(RuntimeInfo) private readonly runtime: RuntimeInfo,
  ) {}

  @Get()
  async list(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.networks.list(callOf(request), listOf(request)));
  }

  @Get(':name')
  async get(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.networks.get(callOf(request), { ...networkRef(request), target: query(request, 'target') }));
  }

  @Get(':name/state')
  async state(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.networks.state(callOf(request), { ...networkRef(request), target: memberOf(request, this.runtime) }));
  }

  @Get(':name/leases')
  async leases(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.networks.leases(callOf(request), networkRef(request)));
  }

  @Post()
  async create(@Req() request: ApiRequest): Promise<Answer> {
    const sent = await bodyOf(request, createNetworkBody);
    return created(await this.networks.create(callOf(request), { ...sent, project: projectOf(request), target: query(request, 'target') }));
  }

  @Put(':name')
  async replace(@Req() request: ApiRequest): Promise<Answer> {
    return this.#update(request, common.UpdateMode.REPLACE);
  }

  @Patch(':name')
  async patch(@Req() request: ApiRequest): Promise<Answer> {
    return this.#update(request, common.UpdateMode.MERGE);
  }

  @Post(':name')
  async rename(@Req() request: ApiRequest): Promise<Answer> {
    const { name } = await bodyOf(request, renameNetworkBody);
    return created(await this.networks.rename(callOf(request), { ...networkRef(request), new_name: name }));
  }

  @Delete(':name')
  async delete(@Req() request: ApiRequest): Promise<Answer> {
    await this.networks.delete(callOf(request), networkRef(request));
    return changed();
  }

  async #update(request: ApiRequest, mode: common.UpdateMode): Promise<Answer> {
    const sent = await bodyOf(request, updateNetworkBody);
    await this.networks.update(callOf(request), { ...sent, ...networkRef(request), mode, if_match: ifMatchOf(request) });
    return changed();
  }
}

function networkRef(request: ApiRequest): common.ObjectRef {
  return { project: projectOf(request), name: parameter(request, 'name') };
}
