import { createProjectBody, renameProjectBody, updateProjectBody } from '@asterism/api';
import { common, Token, type Projects } from '@asterism/proto';
import { Controller, Delete, Get, Inject, Patch, Post, Put, Req } from '@nestjs/common';
import { changed, created, started, sync, type Answer } from '../answer.js';
import { bodyOf, callOf, ifMatchOf, listOf, parameter, type ApiRequest } from '../request.js';

@Controller('1.0/projects')
export class ProjectsController {
  constructor(@Inject(Token.Projects) private readonly projects: Projects) {}

  @Get()
  async list(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.projects.list(callOf(request), listOf(request)));
  }

  @Get(':name')
  async get(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.projects.get(callOf(request), { name: parameter(request, 'name') }));
  }

  @Get(':name/state')
  async state(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.projects.state(callOf(request), { name: parameter(request, 'name') }));
  }

  @Post()
  async create(@Req() request: ApiRequest): Promise<Answer> {
    return created(await this.projects.create(callOf(request), await bodyOf(request, createProjectBody)));
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
    const { name } = await bodyOf(request, renameProjectBody);
    return started(await this.projects.rename(callOf(request), { name: parameter(request, 'name'), new_name: name }));
  }

  @Delete(':name')
  async delete(@Req() request: ApiRequest): Promise<Answer> {
    await this.projects.delete(callOf(request), { name: parameter(request, 'name') });
    return changed();
  }

  async #update(request: ApiRequest, mode: common.UpdateMode): Promise<Answer> {
    const sent = await bodyOf(request, updateProjectBody);
    await this.projects.update(callOf(request), { ...sent, name: parameter(request, 'name'), mode, if_match: ifMatchOf(request) });
    return changed();
  }
}
