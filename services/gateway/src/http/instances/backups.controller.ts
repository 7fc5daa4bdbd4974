import { createBackupBody, renameBackupBody } from '@asterism/api';
import { Token, type Instances, type instances } from '@asterism/proto';
import { Controller, Delete, Get, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { started, sync, type Answer } from '../answer.js';
import { sendBackup } from '../backups.js';
import { abortableCallOf, bodyOf, callOf, parameter, recursionOf, type ApiRequest } from '../request.js';
import { instancePaths, instanceRef } from './instance-ref.js';

@Controller(instancePaths.map((path) => `${path}/:name/backups`))
export class BackupsController {
  constructor(@Inject(Token.Instances) private readonly instances: Instances) {}

  @Get()
  async list(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.instances.listBackups(callOf(request), { instance: instanceRef(request), recursion: recursionOf(request) }));
  }

  @Get(':backup')
  async get(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.instances.getBackup(callOf(request), backupRef(request)));
  }

  @Post()
  async create(@Req() request: ApiRequest): Promise<Answer> {
    const instance = instanceRef(request);
    const sent = await bodyOf(request, createBackupBody);
    const wish = { name: sent.name, expires_at_ms: sent.expires_at, only: sent.instance_only || sent.container_only, optimized: sent.optimized_storage, compression: sent.compression_algorithm };
    return started(await this.instances.createBackup(callOf(request), { instance, wish }));
  }

  @Post(':backup')
  async rename(@Req() request: ApiRequest): Promise<Answer> {
    const backup = backupRef(request);
    const { name } = await bodyOf(request, renameBackupBody);
    return started(await this.instances.renameBackup(callOf(request), { backup, new_name: name }));
  }

  @Delete(':backup')
  async delete(@Req() request: ApiRequest): Promise<Answer> {
    return started(await this.instances.deleteBackup(callOf(request), backupRef(request)));
  }

  @Get(':backup/export')
  async export(@Req() request: ApiRequest, @Res() reply: FastifyReply): Promise<void> {
    await sendBackup(this.instances.exportBackup(abortableCallOf(request), backupRef(request)), reply);
  }
}

function backupRef(request: ApiRequest): instances.BackupRef {
  return { instance: instanceRef(request), backup: parameter(request, 'backup') };
}
