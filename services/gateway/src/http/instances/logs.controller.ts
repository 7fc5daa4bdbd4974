import { Agents } from '@asterism/agents';
import { apiUrl } from '@asterism/api';
import { LxdError } from '@asterism/errors';
import { Token, type Instances } from '@asterism/proto';
import { Controller, Delete, Get, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { changed, syncValue, type Answer } from '../answer.js';
import { abortableCallOf, callOf, parameter, projectOf, type ApiRequest } from '../request.js';
import { sendFrames } from '../streams.js';
import { instancePaths, instanceRef, viewOf } from './instance-ref.js';

/** Logs and console output of an instance, read from the agent of its member. */
@Controller(instancePaths.map((path) => `${path}/:name`))
export class LogsController {
  constructor(
    @Inject(Token.Instances) private readonly instances: Instances,
    @Inject(Agents) private readonly agents: Agents,
  ) {}

  @Get('logs')
  async list(@Req() request: ApiRequest): Promise<Answer> {
    const { agent, id } = await this.#locate(request);
    const { names } = await agent.files.listLogs(callOf(request), { instance_id: id, file: '' });
    const project = projectOf(request);
    return syncValue(names.map((name) => apiUrl([viewOf(request), parameter(request, 'name'), 'logs', name], { project })));
  }

  @Get('logs/:file')
  async read(@Req() request: ApiRequest, @Res() reply: FastifyReply): Promise<void> {
    const file = logFile(request);
    const { agent, id } = await this.#locate(request);
    await sendFrames(agent.files.readLog(abortableCallOf(request), { instance_id: id, file }), reply, (header) => {
      reply.headers({
        'Content-Type': 'application/octet-stream',
        'Content-Disposition': `inline;filename=${file}`,
        'Content-Length': header.size_bytes,
        'Last-Modified': new Date(header.modified_ms).toUTCString(),
      });
      return undefined;
    });
  }

  @Delete('logs/:file')
  async delete(@Req() request: ApiRequest): Promise<Answer> {
    const file = logFile(request);
    if (file === 'lxc.log' || file === 'lxc.conf') throw new LxdError('bad-request', 'lxc.log and lxc.conf may not be deleted');
    const { agent, id } = await this.#locate(request);
    await agent.files.deleteLog(callOf(request), { instance_id: id, file });
    return changed();
  }

  @Get('console')
  async readConsole(@Req() request: ApiRequest, @Res() reply: FastifyReply): Promise<void> {
    const { agent, id } = await this.#locate(request);
    await sendFrames(agent.files.readConsoleLog(abortableCallOf(request), { instance_id: id, file: '' }), reply, () => {
      reply.header('Content-Type', 'application/octet-stream');
      return undefined;
    });
  }

  @Delete('console')
  async clearConsole(@Req() request: ApiRequest): Promise<Answer> {
    const { agent, id } = await this.#locate(request);
    await agent.files.clearConsoleLog(callOf(request), { instance_id: id, file: '' });
    return changed();
  }

  async #locate(request: ApiRequest) {
    const { id, member } = await this.instances.locate(callOf(request), instanceRef(request));
    return { agent: this.agents.on(member), id };
  }
}

/** Only names of logs pass, never a path. */
function logFile(request: ApiRequest): string {
  const file = parameter(request, 'file');
  const known = ['lxc.log', 'lxc.conf', 'qemu.log', 'qemu.early.log', 'console.log', 'edk2.log'].includes(file);
  if (!known && !/^(?:migration|snapshot|exec)_[^/]+$/.test(file)) throw new LxdError('bad-request', `Log file name ${JSON.stringify(file)} not valid`);
  return file;
}
