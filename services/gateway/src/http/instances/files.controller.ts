import { Agents } from '@asterism/agents';
import { LxdError } from '@asterism/errors';
import { Token, type agentFiles, type Instances } from '@asterism/proto';
import { Controller, Delete, Get, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { basename } from 'node:path';
import { changed, syncValue, type Answer } from '../answer.js';
import { abortableCallOf, callOf, query, streamOf, type ApiRequest } from '../request.js';
import { sendFrames } from '../streams.js';
import { fileHeaders, pushFrames, pushHeader } from './file-headers.js';
import { instancePaths, instanceRef } from './instance-ref.js';

/** Files inside an instance, streamed between the client and the agent of its member. */
@Controller(instancePaths.map((path) => `${path}/:name/files`))
export class FilesController {
  constructor(
    @Inject(Token.Instances) private readonly instances: Instances,
    @Inject(Agents) private readonly agents: Agents,
  ) {}

  @Get()
  async pull(@Req() request: ApiRequest, @Res() reply: FastifyReply): Promise<void> {
    const { agent, file } = await this.#locate(request);
    const frames = agent.files.pull(abortableCallOf(request), file);
    await sendFrames(frames, reply, (header) => {
      reply.headers(fileHeaders(header));
      if (header.type === 'directory') return syncValue(header.entries);
      reply.headers({ 'Content-Type': 'application/octet-stream', 'Content-Disposition': `inline;filename=${basename(file.path)}` });
      if (header.type === 'symlink') return { status: 200, body: Buffer.from(header.entries[0] ?? '') };
      reply.headers({ 'Content-Length': header.size_bytes, 'Last-Modified': new Date(header.modified_ms).toUTCString() });
      return undefined;
    });
  }

  @Post()
  async push(@Req() request: ApiRequest): Promise<Answer> {
    const { agent, file } = await this.#locate(request);
    const header = pushHeader(request.headers, file);
    await agent.files.push(callOf(request), pushFrames(header, streamOf(request)));
    return changed();
  }

  @Delete()
  async delete(@Req() request: ApiRequest): Promise<Answer> {
    const { agent, file } = await this.#locate(request);
    await agent.files.delete(callOf(request), file);
    return changed();
  }

  async #locate(request: ApiRequest) {
    const { id, member } = await this.instances.locate(callOf(request), instanceRef(request));
    const path = query(request, 'path');
    if (path === '') throw new LxdError('bad-request', 'Missing path argument');
    const file: agentFiles.FileRef = { instance_id: id, path: path.startsWith('/') ? path : `/${path}` };
    return { agent: this.agents.on(member), file };
  }
}
