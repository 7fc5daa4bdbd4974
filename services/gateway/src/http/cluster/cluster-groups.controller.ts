import { groupBody, groupChangeBody, groupNameBody } from '@asterism/api';
import { Token, type ClusterGroups } from '@asterism/proto';
import { Controller, Delete, Get, Inject, Patch, Post, Put, Req } from '@nestjs/common';
import { changed, created, sync, type Answer } from '../answer.js';
import { bodyOf, callOf, ifMatchOf, listOf, parameter, type ApiRequest } from '../request.js';

@Controller('1.0/cluster/groups')
export class ClusterGroupsController {
  constructor(@Inject(Token.ClusterGroups) private readonly groups: ClusterGroups) {}

  @Get()
  async list(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.groups.list(callOf(request), listOf(request)));
  }

  @Post()
  async create(@Req() request: ApiRequest): Promise<Answer> {
    return created(await this.groups.create(callOf(request), await bodyOf(request, groupBody)));
  }

  @Get(':name')
  async get(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.groups.get(callOf(request), { project: '', name: parameter(request, 'name') }));
  }

  /** What is left out of a PUT is emptied. */
  @Put(':name')
  async replace(@Req() request: ApiRequest): Promise<Answer> {
    const { description = '', members = [] } = await bodyOf(request, groupChangeBody);
    await this.groups.update(callOf(request), { name: parameter(request, 'name'), description, members: { names: members }, if_match: ifMatchOf(request) });
    return changed();
  }

  @Patch(':name')
  async patch(@Req() request: ApiRequest): Promise<Answer> {
    const { description, members } = await bodyOf(request, groupChangeBody);
    await this.groups.update(callOf(request), { name: parameter(request, 'name'), description, members: members && { names: members }, if_match: ifMatchOf(request) });
    return changed();
  }

  @Post(':name')
  async rename(@Req() request: ApiRequest): Promise<Answer> {
    const { name } = await bodyOf(request, groupNameBody);
    return created(await this.groups.rename(callOf(request), { name: parameter(request, 'name'), new_name: name }));
  }

  @Delete(':name')
  async remove(@Req() request: ApiRequest): Promise<Answer> {
    await this.groups.delete(callOf(request), { project: '', name: parameter(request, 'name') });
    return changed();
  }
}
