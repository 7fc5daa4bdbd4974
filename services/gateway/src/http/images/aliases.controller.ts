import { createAliasBody, renameAliasBody, updateAliasBody } from '@asterism/api';
import { common, Token, type Images } from '@asterism/proto';
import { Controller, Delete, Get, Inject, Patch, Post, Put, Req } from '@nestjs/common';
import { changed, created, sync, type Answer } from '../answer.js';
import { bodyOf, callOf, ifMatchOf, listOf, projectOf, type ApiRequest } from '../request.js';

/** Names of aliases may hold slashes, escaped or not. */
@Controller('1.0/images/aliases')
export class AliasesController {
  constructor(@Inject(Token.Images) private readonly images: Images) {}

  @Get()
  async list(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.images.listAliases(callOf(request), { list: listOf(request), public_only: false }));
  }

  @Get('*')
  async get(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.images.getAlias(callOf(request), { ...aliasRef(request), public_only: !request.identity.trusted }));
  }

  @Post()
  async create(@Req() request: ApiRequest): Promise<Answer> {
    const sent = await bodyOf(request, createAliasBody);
    return created(await this.images.createAlias(callOf(request), { ...sent, project: projectOf(request) }));
  }

  @Put('*')
  async replace(@Req() request: ApiRequest): Promise<Answer> {
    return this.#update(request, common.UpdateMode.REPLACE);
  }

  @Patch('*')
  async patch(@Req() request: ApiRequest): Promise<Answer> {
    return this.#update(request, common.UpdateMode.MERGE);
  }

  @Post('*')
  async rename(@Req() request: ApiRequest): Promise<Answer> {
    const { name } = await bodyOf(request, renameAliasBody);
    return created(await this.images.renameAlias(callOf(request), { ...aliasRef(request), new_name: name }));
  }

  @Delete('*')
  async delete(@Req() request: ApiRequest): Promise<Answer> {
    await this.images.deleteAlias(callOf(request), { ...aliasRef(request), public_only: false });
    return changed();
  }

  async #update(request: ApiRequest, mode: common.UpdateMode): Promise<Answer> {
    const sent = await bodyOf(request, updateAliasBody);
    await this.images.updateAlias(callOf(request), { ...sent, ...aliasRef(request), mode, if_match: ifMatchOf(request) });
    return changed();
  }
}

function aliasRef(request: ApiRequest): common.ObjectRef {
  return { project: projectOf(request), name: request.params['*'] ?? '' };
}
