import { createProfileBody, devicesToMessage, renameProfileBody, updateProfileBody } from '@asterism/api';
import { common, Token, type Profiles } from '@asterism/proto';
import { Controller, Delete, Get, Inject, Patch, Post, Put, Req } from '@nestjs/common';
import { changed, created, sync, type Answer } from '../answer.js';
import { bodyOf, callOf, ifMatchOf, listOf, parameter, projectOf, type ApiRequest } from '../request.js';

@Controller('1.0/profiles')
export class ProfilesController {
  constructor(@Inject(Token.Profiles) private readonly profiles: Profiles) {}

  @Get()
  async list(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.profiles.list(callOf(request), listOf(request)));
  }

  @Get(':name')
  async get(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.profiles.get(callOf(request), profileRef(request)));
  }

  @Post()
  async create(@Req() request: ApiRequest): Promise<Answer> {
    const { devices, ...sent } = await bodyOf(request, createProfileBody);
    return created(await this.profiles.create(callOf(request), { ...sent, project: projectOf(request), devices: devicesToMessage(devices) }));
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
    const { name } = await bodyOf(request, renameProfileBody);
    return created(await this.profiles.rename(callOf(request), { ...profileRef(request), new_name: name }));
  }

  @Delete(':name')
  async delete(@Req() request: ApiRequest): Promise<Answer> {
    await this.profiles.delete(callOf(request), profileRef(request));
    return changed();
  }

  async #update(request: ApiRequest, mode: common.UpdateMode): Promise<Answer> {
    const { devices, ...sent } = await bodyOf(request, updateProfileBody);
    const update = { ...sent, ...profileRef(request), devices: devicesToMessage(devices), mode, if_match: ifMatchOf(request) };
    await this.profiles.update(callOf(request), update);
    return changed();
  }
}

function profileRef(request: ApiRequest): common.ObjectRef {
  return { project: projectOf(request), name: parameter(request, 'name') };
}
