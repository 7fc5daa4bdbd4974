import { createPoolBody, updatePoolBody } from '@asterism/api';
import { common, Token, type storage, type StoragePools } from '@asterism/proto';
import { Controller, Delete, Get, Inject, Patch, Post, Put, Req } from '@nestjs/common';
import { changed, created, sync, type Answer } from '../answer.js';
import { bodyOf, callOf, ifMatchOf, listOf, parameter, query, type ApiRequest } from '../request.js';

@Controller('1.0/storage-pools')
export class StoragePoolsController {
  constructor(@Inject(Token.StoragePools) private readonly pools: StoragePools) {}

  @Get()
  async list(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.pools.list(callOf(request), listOf(request)));
  }

  @Get(':pool')
  async get(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.pools.get(callOf(request), poolRef(request)));
  }

  @Get(':pool/resources')
  async resources(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.pools.resources(callOf(request), poolRef(request)));
  }

  @Post()
  async create(@Req() request: ApiRequest): Promise<Answer> {
    const sent = await bodyOf(request, createPoolBody);
    return created(await this.pools.create(callOf(request), { ...sent, target: query(request, 'target') }));
  }

  @Put(':pool')
  async replace(@Req() request: ApiRequest): Promise<Answer> {
    return this.#update(request, common.UpdateMode.REPLACE);
  }

  @Patch(':pool')
  async patch(@Req() request: ApiRequest): Promise<Answer> {
    return this.#update(request, common.UpdateMode.MERGE);
  }

  @Delete(':pool')
  async delete(@Req() request: ApiRequest): Promise<Answer> {
    await this.pools.delete(callOf(request), { name: parameter(request, 'pool') });
    return changed();
  }

  async #update(request: ApiRequest, mode: common.UpdateMode): Promise<Answer> {
    const sent = await bodyOf(request, updatePoolBody);
    await this.pools.update(callOf(request), { ...sent, ...poolRef(request), mode, if_match: ifMatchOf(request) });
    return changed();
  }
}

function poolRef(request: ApiRequest): storage.PoolRef {
  return { name: parameter(request, 'pool'), target: query(request, 'target') };
}
