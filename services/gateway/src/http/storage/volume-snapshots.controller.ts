import { createVolumeSnapshotBody, renameVolumeSnapshotBody, updateVolumeSnapshotBody } from '@asterism/api';
import { common, Token, type StorageVolumes } from '@asterism/proto';
import { Controller, Delete, Get, Inject, Patch, Post, Put, Req } from '@nestjs/common';
import { changed, started, sync, type Answer } from '../answer.js';
import { bodyOf, callOf, ifMatchOf, recursionOf, type ApiRequest } from '../request.js';
import { volumeRef, volumeSnapshotRef } from './volume-ref.js';

@Controller('1.0/storage-pools/:pool/volumes/:type/:volume/snapshots')
export class VolumeSnapshotsController {
  constructor(@Inject(Token.StorageVolumes) private readonly volumes: StorageVolumes) {}

  @Get()
  async list(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.volumes.listSnapshots(callOf(request), { volume: volumeRef(request), recursion: recursionOf(request) }));
  }

  @Get(':snapshot')
  async get(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.volumes.get(callOf(request), volumeSnapshotRef(request)));
  }

  @Post()
  async create(@Req() request: ApiRequest): Promise<Answer> {
    const { name, expires_at } = await bodyOf(request, createVolumeSnapshotBody);
    return started(await this.volumes.createSnapshot(callOf(request), { volume: volumeRef(request), snapshot: name, expires_at_ms: expires_at }));
  }

  @Put(':snapshot')
  async replace(@Req() request: ApiRequest): Promise<Answer> {
    return this.#update(request, common.UpdateMode.REPLACE);
  }

  @Patch(':snapshot')
  async patch(@Req() request: ApiRequest): Promise<Answer> {
    return this.#update(request, common.UpdateMode.MERGE);
  }

  @Post(':snapshot')
  async rename(@Req() request: ApiRequest): Promise<Answer> {
    const { name } = await bodyOf(request, renameVolumeSnapshotBody);
    const rename = { volume: volumeSnapshotRef(request), new_name: name, new_pool: '', new_project: '' };
    return started(await this.volumes.renameSnapshot(callOf(request), rename));
  }

  @Delete(':snapshot')
  async delete(@Req() request: ApiRequest): Promise<Answer> {
    return started(await this.volumes.deleteSnapshot(callOf(request), volumeSnapshotRef(request)));
  }

  async #update(request: ApiRequest, mode: common.UpdateMode): Promise<Answer> {
    const { description, expires_at } = await bodyOf(request, updateVolumeSnapshotBody);
    const update = { volume: volumeSnapshotRef(request), description, expires_at_ms: expires_at, config: {}, mode, if_match: ifMatchOf(request), restore: '' };
    await this.volumes.updateSnapshot(callOf(request), update);
    return changed();
  }
}
