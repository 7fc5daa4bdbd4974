import { createInstanceBody, changeStatesBody, devicesToMessage, renameInstanceBody, updateInstanceBody } from '@asterism/api';
import { LxdError } from '@asterism/errors';
import { common, Token, type Instances, type instances } from '@asterism/proto';
import { Controller, Delete, Get, Inject, Patch, Post, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { started, sync, changed, type Answer } from '../answer.js';
import { bodyOf, callOf, ifMatchOf, listOf, otherProject, projectOf, query, recursionOf, type ApiRequest } from '../request.js';
import { backupFrames, headerOf, isArchive } from '../backups.js';
import { sendPages } from '../pages.js';
import { instancePaths, instanceRef, viewOf } from './instance-ref.js';

const typeOfView: Readonly<Record<string, string>> = { containers: 'container', 'virtual-machines': 'virtual-machine' };

@Controller(instancePaths)
export class InstancesController {
  constructor(@Inject(Token.Instances) private readonly instances: Instances) {}

  @Get()
  async list(@Req() request: ApiRequest, @Res() reply: FastifyReply): Promise<void> {
    const view = viewOf(request);
    const type = typeOfView[view] ?? query(request, 'instance-type');
    if (type !== '' && type !== 'container' && type !== 'virtual-machine') throw new LxdError('bad-request', 'Invalid instance type');
    const list = listOf(request);
    if (list.all_projects && query(request, 'project') !== '' && query(request, 'project') !== '*') {
      throw new LxdError('bad-request', 'Cannot specify a project when requesting all projects');
    }
    await sendPages(request, reply, (page) => this.instances.list(callOf(request), { list, type, view, page }));
  }

  @Get(':name')
  async get(@Req() request: ApiRequest): Promise<Answer> {
    const ref = instanceRef(request);
    return sync(await (recursionOf(request) > 0 ? this.instances.getFull(callOf(request), ref) : this.instances.get(callOf(request), ref)));
  }

  @Post()
  async create(@Req() request: ApiRequest): Promise<Answer> {
    if (isArchive(request)) return started(await this.instances.importBackup(callOf(request), backupFrames(request, headerOf(request, 'x-lxd-pool'))));
    const { devices, profiles, source, ...sent } = await bodyOf(request, createInstanceBody);
    const view = viewOf(request);
    return started(
      await this.instances.create(callOf(request), {
        ...sent,
        project: projectOf(request),
        view,
        type: sent.type || (typeOfView[view] ?? ''),
        devices: devicesToMessage(devices),
        profiles: profiles && { names: profiles },
        target: query(request, 'target'),
        by_restricted: !request.identity.admin,
        source: { ...source, project: otherProject(request, source.project), instance_only: source.instance_only || source.container_only },
      }),
    );
  }

  @Put()
  async changeStates(@Req() request: ApiRequest): Promise<Answer> {
    const { timeout, ...change } = (await bodyOf(request, changeStatesBody)).state;
    return started(await this.instances.changeStates(callOf(request), { ...change, project: projectOf(request), timeout_s: timeout }));
  }

  @Put(':name')
  async replace(@Req() request: ApiRequest): Promise<Answer> {
    return started(await this.instances.replace(callOf(request), await this.#update(request, common.UpdateMode.REPLACE)));
  }

  @Patch(':name')
  async patch(@Req() request: ApiRequest): Promise<Answer> {
    await this.instances.patch(callOf(request), await this.#update(request, common.UpdateMode.MERGE));
    return changed();
  }

  @Post(':name')
  async rename(@Req() request: ApiRequest): Promise<Answer> {
    const instance = instanceRef(request);
    const sent = await bodyOf(request, renameInstanceBody);
    const target = query(request, 'target');
    if (sent.migration && !sent.pool && !target) throw new LxdError('unsupported', 'Migration of instances is not supported');
    return started(await this.instances.rename(callOf(request), { instance, new_name: sent.name, pool: sent.pool, target, by_restricted: !request.identity.admin }));
  }

  @Delete(':name')
  async delete(@Req() request: ApiRequest): Promise<Answer> {
    return started(await this.instances.delete(callOf(request), instanceRef(request)));
  }

  async #update(request: ApiRequest, mode: common.UpdateMode): Promise<instances.UpdateInstance> {
    const { devices, profiles, ...sent } = await bodyOf(request, updateInstanceBody);
    return {
      ...sent,
      instance: instanceRef(request),
      devices: devicesToMessage(devices),
      profiles: profiles && { names: profiles },
      mode,
      if_match: ifMatchOf(request),
    };
  }
}
