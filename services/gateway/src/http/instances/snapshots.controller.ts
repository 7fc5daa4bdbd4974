import { createSnapshotBody, renameSnapshotBody, updateSnapshotBody } from '@asterism/api';
import { LxdError } from '@asterism/errors';
import { Token, type Instances, type instances } from '@asterism/proto';
import { Controller, Delete, Get, Inject, Patch, Post, Put, Req } from '@nestjs/common';
import { started, sync, type Answer } from '../answer.js';
import { bodyOf, callOf, ifMatchOf, parameter, recursionOf, type ApiRequest } from '../request.js';
import { instancePaths, instanceRef } from './instance-ref.js';

@Controller(instancePaths.map((path) => `${path}/:name/snapshots`))
export class SnapshotsController {
  constructor(@Inject(Token.Instances) private readonly instances: Instances) {}

  @Get()
  async list(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.instances.listSnapshots(callOf(request), { instance: instanceRef(request), recursion: recursionOf(request) }));
  }

  @Get(':snapshot')
  async get(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.instances.getSnapshot(callOf(request), snapshotRef(request)));
  }

  @Post()
  async create(@Req() request: ApiRequest): Promise<Answer> {
    const instance = instanceRef(request);
    const { name, stateful, expires_at } = await bodyOf(request, createSnapshotBody);
    return started(await this.instances.createSnapshot(callOf(request), { instance, snapshot: name, stateful, expires_at_ms: expires_at }));
  }

  @Put(':snapshot')
  async replace(@Req() request: ApiRequest): Promise<Answer> {
    return this.#update(request);
  }

  @Patch(':snapshot')
  async patch(@Req() request: ApiRequest): Promise<Answer> {
    return this.#update(request);
  }

  @Post(':snapshot')
  async rename(@Req() request: ApiRequest): Promise<Answer> {
    const snapshot = snapshotRef(request);
    const { name, migration } = await bodyOf(request, renameSnapshotBody);
    if (migration) throw new LxdError('unsupported', 'Migration of snapshots is not supported');
    return started(await this.instances.renameSnapshot(callOf(request), { snapshot, new_name: name }));
  }

  @Delete(':snapshot')
  async delete(@Req() request: ApiRequest): Promise<Answer> {
    return started(await this.instances.deleteSnapshot(callOf(request), snapshotRef(request)));
  }

  async #update(request: ApiRequest): Promise<Answer> {
    const snapshot = snapshotRef(request);
    const { expires_at } = await bodyOf(request, updateSnapshotBody);
    return started(await this.instances.updateSnapshot(callOf(request), { snapshot, expires_at_ms: expires_at, if_match: ifMatchOf(request) }));
  }
}

function snapshotRef(request: ApiRequest): instances.SnapshotRef {
  return { instance: instanceRef(request), snapshot: parameter(request, 'snapshot') };
}
