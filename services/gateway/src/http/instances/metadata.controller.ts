import { Agents } from '@asterism/agents';
import { imageMetadataBody } from '@asterism/api';
import { LxdError } from '@asterism/errors';
import { common, Token, type Instances } from '@asterism/proto';
import { Controller, Delete, Get, Inject, Patch, Post, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { changed, sync, syncValue, type Answer } from '../answer.js';
import { abortableCallOf, bodyOf, callOf, ifMatchOf, query, streamOf, type ApiRequest } from '../request.js';
import { sendFrames } from '../streams.js';
import { pushFrames } from './file-headers.js';
import { instancePaths, instanceRef } from './instance-ref.js';

/** The image's metadata that an instance keeps, and the templates of files in it. */
@Controller(instancePaths.map((path) => `${path}/:name/metadata`))
export class MetadataController {
  constructor(
    @Inject(Token.Instances) private readonly instances: Instances,
    @Inject(Agents) private readonly agents: Agents,
  ) {}

  @Get()
  async get(@Req() request: ApiRequest): Promise<Answer> {
    const { agent, id } = await this.#locate(request);
    return sync(await agent.files.getMetadata(callOf(request), { instance_id: id, path: '' }));
  }

  @Put()
  async replace(@Req() request: ApiRequest): Promise<Answer> {
    return this.#update(request, common.UpdateMode.REPLACE);
  }

  @Patch()
  async patch(@Req() request: ApiRequest): Promise<Answer> {
    return this.#update(request, common.UpdateMode.MERGE);
  }

  @Get('templates')
  async templates(@Req() request: ApiRequest, @Res() reply: FastifyReply): Promise<void> {
    const { agent, id } = await this.#locate(request);
    const path = query(request, 'path');
    if (path === '') {
      const { names } = await agent.files.listTemplates(callOf(request), { instance_id: id, path });
      await reply.send(syncValue(names));
      return;
    }
    await sendFrames(agent.files.readTemplate(abortableCallOf(request), { instance_id: id, path }), reply, (header) => {
      reply.headers({
        'Content-Type': 'application/octet-stream',
        'Content-Disposition': `inline;filename=${path}`,
        'Content-Length': header.size_bytes,
        'Last-Modified': new Date(header.modified_ms).toUTCString(),
      });
      return undefined;
    });
  }

  @Post('templates')
  async writeTemplate(@Req() request: ApiRequest): Promise<Answer> {
    const { agent, id } = await this.#locate(request);
    const file = { instance_id: id, path: templatePath(request) };
    await agent.files.writeTemplate(callOf(request), pushFrames({ file, type: 'file', mode: -1, uid: -1, gid: -1, write: 'overwrite' }, streamOf(request)));
    return changed();
  }

  @Delete('templates')
  async deleteTemplate(@Req() request: ApiRequest): Promise<Answer> {
    const { agent, id } = await this.#locate(request);
    await agent.files.deleteTemplate(callOf(request), { instance_id: id, path: templatePath(request) });
    return changed();
  }

  async #update(request: ApiRequest, mode: common.UpdateMode): Promise<Answer> {
    const { agent, id } = await this.#locate(request);
    const sent = await bodyOf(request, imageMetadataBody);
    await agent.files.putMetadata(callOf(request), { instance_id: id, json: Buffer.from(JSON.stringify(sent)), mode, if_match: ifMatchOf(request) });
    return changed();
  }

  async #locate(request: ApiRequest) {
    const { id, member } = await this.instances.locate(callOf(request), instanceRef(request));
    return { agent: this.agents.on(member), id };
  }
}

function templatePath(request: ApiRequest): string {
  const path = query(request, 'path');
  if (path === '') throw new LxdError('bad-request', 'missing path argument');
  return path;
}
