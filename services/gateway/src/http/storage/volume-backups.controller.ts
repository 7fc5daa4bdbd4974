import { createVolumeBackupBody, renameVolumeBackupBody } from '@asterism/api';
import { Token, type storage, type StorageVolumes } from '@asterism/proto';
import { Controller, Delete, Get, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { started, sync, type Answer } from '../answer.js';
import { sendBackup } from '../backups.js';
import { abortableCallOf, bodyOf, callOf, parameter, recursionOf, type ApiRequest } from '../request.js';
import { volumeRef } from './volume-ref.js';

@Controller('1.0/storage-pools/:pool/volumes/:type/:volume/backups')
export class VolumeBackupsController {
  constructor(@Inject(Token.StorageVolumes) private readonly volumes: StorageVolumes) {}

  @Get()
  async list(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.volumes.listBackups(callOf(request), { volume: volumeRef(request), recursion: recursionOf(request) }));
  }

  @Get(':backup')
  async get(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.volumes.getBackup(callOf(request), backupRef(request)));
  }

  @Post()
  async create(@Req() request: ApiRequest): Promise<Answer> {
    const sent = await bodyOf(request, createVolumeBackupBody);
    const wish = { name: sent.name, expires_at_ms: sent.expires_at, only: sent.volume_only, optimized: sent.optimized_storage, compression: sent.compression_algorithm };
    return started(await this.volumes.createBackup(callOf(request), { volume: volumeRef(request), wish }));
  }

  @Post(':backup')
  async rename(@Req() request: ApiRequest): Promise<Answer> {
    const { name } = await bodyOf(request, renameVolumeBackupBody);
    return started(await this.volumes.renameBackup(callOf(request), { backup: backupRef(request), new_name: name }));
  }

  @Delete(':backup')
  async delete(@Req() request: ApiRequest): Promise<Answer> {
    return started(await this.volumes.deleteBackup(callOf(request), backupRef(request)));
  }

  @Get(':backup/export')
  async export(@Req() request: ApiRequest, @Res() reply: FastifyReply): Promise<void> {
    await sendBackup(this.volumes.exportBackup(abortableCallOf(request), backupRef(request)), reply);
  }
}

function backupRef(request: ApiRequest): storage.VolumeBackupRef {
  return { volume: volumeRef(request), backup: parameter(request, 'backup') };
}
