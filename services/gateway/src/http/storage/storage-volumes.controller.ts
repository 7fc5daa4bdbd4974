import { createVolumeBody, renameVolumeBody, updateVolumeBody } from '@asterism/api';
import { LxdError } from '@asterism/errors';
import { common, Token, type storage, type StorageVolumes } from '@asterism/proto';
import { Controller, Delete, Get, Inject, Patch, Post, Put, Req } from '@nestjs/common';
import { changed, created, started, sync, type Answer } from '../answer.js';
import { bodyOf, callOf, ifMatchOf, listOf, otherProject, parameter, query, type ApiRequest } from '../request.js';
import { backupFrames, isArchive } from '../backups.js';
import { volumeRef } from './volume-ref.js';

@Controller('1.0/storage-pools/:pool/volumes')
export class StorageVolumesController {
  constructor(@Inject(Token.StorageVolumes) private readonly volumes: StorageVolumes) {}

  @Get()
  async list(@Req() request: ApiRequest): Promise<Answer> {
    return this.#list(request);
  }

  @Get(':type')
  async listOfType(@Req() request: ApiRequest): Promise<Answer> {
    return this.#list(request);
  }

  @Get(':type/:volume')
  async get(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.volumes.get(callOf(request), volumeRef(request)));
  }

  @Get(':type/:volume/state')
  async state(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.volumes.state(callOf(request), volumeRef(request)));
  }

  @Post()
  async create(@Req() request: ApiRequest): Promise<Answer> {
    return this.#create(request);
  }

  @Post(':type')
  async createOfType(@Req() request: ApiRequest): Promise<Answer> {
    return this.#create(request);
  }

  @Put(':type/:volume')
  async replace(@Req() request: ApiRequest): Promise<Answer> {
    return this.#update(request, common.UpdateMode.REPLACE);
  }

  @Patch(':type/:volume')
  async patch(@Req() request: ApiRequest): Promise<Answer> {
    return this.#update(request, common.UpdateMode.MERGE);
  }

  @Post(':type/:volume')
  async rename(@Req() request: ApiRequest): Promise<Answer> {
    const sent = await bodyOf(request, renameVolumeBody);
    if (sent.migration) throw new LxdError('unsupported', 'Migration of volumes is not supported');
    const rename = { volume: volumeRef(request), new_name: sent.name, new_pool: sent.pool, new_project: sent.project && otherProject(request, sent.project) };
    const { operation, url } = await this.volumes.rename(callOf(request), rename);
    return operation ? started(operation) : created({ url });
  }

  @Delete(':type/:volume')
  async delete(@Req() request: ApiRequest): Promise<Answer> {
    await this.volumes.delete(callOf(request), volumeRef(request));
    return changed();
  }

  async #list(request: ApiRequest): Promise<Answer> {
    const list = listOf(request);
    return sync(await this.volumes.list(callOf(request), { list, pool: parameter(request, 'pool'), type: parameter(request, 'type') }));
  }

  async #create(request: ApiRequest): Promise<Answer> {
    if (isArchive(request)) return started(await this.volumes.importBackup(callOf(request), backupFrames(request, parameter(request, 'pool'))));
    const { name, type, source, ...sent } = await bodyOf(request, createVolumeBody);
    const volume = { ...volumeRef(request, name), member: '', type: parameter(request, 'type') || type };
    if (source.type !== '' && source.type !== 'copy') throw new LxdError('bad-request', `Unknown source type ${JSON.stringify(source.type)}`);
    const copyFrom = source.name !== '' ? copySource(request, source) : undefined;
    const { operation } = await this.volumes.create(callOf(request), { ...sent, volume, copy_from: copyFrom, volume_only: source.volume_only, target: query(request, 'target') });
    return operation ? started(operation) : changed(); // LXD names no location here
  }

  async #update(request: ApiRequest, mode: common.UpdateMode): Promise<Answer> {
    const sent = await bodyOf(request, updateVolumeBody);
    await this.volumes.update(callOf(request), { ...sent, volume: volumeRef(request), mode, if_match: ifMatchOf(request) });
    return changed();
  }
}

function copySource(request: ApiRequest, source: { name: string; pool: string; project: string }): storage.VolumeRef {
  return { project: otherProject(request, source.project), pool: source.pool || parameter(request, 'pool'), type: 'custom', name: source.name };
}
