import { updateWarningBody } from '@asterism/api';
import { Token, type Warnings } from '@asterism/proto';
import { Controller, Delete, Get, Inject, Patch, Put, Req } from '@nestjs/common';
import { changed, sync, type Answer } from '../answer.js';
import { bodyOf, callOf, ifMatchOf, listOf, parameter, query, type ApiRequest } from '../request.js';

@Controller('1.0/warnings')
export class WarningsController {
  constructor(@Inject(Token.Warnings) private readonly warnings: Warnings) {}

  /** Without a project, warnings of all are listed. */
  @Get()
  async list(@Req() request: ApiRequest): Promise<Answer> {
    const list = listOf(request);
    return sync(await this.warnings.list(callOf(request), { ...list, all_projects: list.all_projects || query(request, 'project') === '' }));
  }

  @Get(':id')
  async get(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.warnings.get(callOf(request), { uuid: parameter(request, 'id') }));
  }

  @Put(':id')
  async replace(@Req() request: ApiRequest): Promise<Answer> {
    return this.#update(request);
  }

  @Patch(':id')
  async patch(@Req() request: ApiRequest): Promise<Answer> {
    return this.#update(request);
  }

  @Delete(':id')
  async delete(@Req() request: ApiRequest): Promise<Answer> {
    await this.warnings.delete(callOf(request), { uuid: parameter(request, 'id') });
    return changed();
  }

  async #update(request: ApiRequest): Promise<Answer> {
    const { status } = await bodyOf(request, updateWarningBody);
    await this.warnings.update(callOf(request), { uuid: parameter(request, 'id'), status, if_match: ifMatchOf(request) });
    return changed();
  }
}
