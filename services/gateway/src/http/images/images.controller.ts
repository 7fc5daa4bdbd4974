import { createImageBody, parseJson, updateImageBody } from '@asterism/api';
import { common, Token, type images, type Images } from '@asterism/proto';
import { Controller, Delete, Get, Inject, Patch, Post, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { changed, started, sync, type Answer } from '../answer.js';
import { abortableCallOf, bodyOf, callOf, ifMatchOf, listOf, parameter, projectOf, query, readBody, type ApiRequest } from '../request.js';
import { sendFrames } from '../streams.js';
import { looksLikeJson, uploadFrames } from './upload.js';

@Controller('1.0/images')
export class ImagesController {
  constructor(@Inject(Token.Images) private readonly images: Images) {}

  @Get()
  async list(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.images.list(callOf(request), { list: listOf(request), public_only: !request.identity.trusted }));
  }

  @Get(':fingerprint')
  async get(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.images.get(callOf(request), imageRef(request)));
  }

  /** A JSON body asks for an image from elsewhere; any other body is the image. */
  @Post()
  async create(@Req() request: ApiRequest): Promise<Answer> {
    const project = projectOf(request);
    const { isJson, body } = await looksLikeJson(request);
    if (!isJson) return started(await this.images.upload(callOf(request), uploadFrames(request, project, body)));
    const json = await readBody(body);
    createImageBody.read(parseJson(json.toString()));
    return started(await this.images.create(callOf(request), { project, body: json }));
  }

  @Put(':fingerprint')
  async replace(@Req() request: ApiRequest): Promise<Answer> {
    return this.#update(request, common.UpdateMode.REPLACE);
  }

  @Patch(':fingerprint')
  async patch(@Req() request: ApiRequest): Promise<Answer> {
    return this.#update(request, common.UpdateMode.MERGE);
  }

  @Delete(':fingerprint')
  async delete(@Req() request: ApiRequest): Promise<Answer> {
    return started(await this.images.delete(callOf(request), imageRef(request)));
  }

  @Get(':fingerprint/export')
  async export(@Req() request: ApiRequest, @Res() reply: FastifyReply): Promise<void> {
    await sendFrames(this.images.export(abortableCallOf(request), imageRef(request)), reply, (header) => {
      reply.header('Content-Type', header.content_type);
      if (header.content_disposition) reply.header('Content-Disposition', header.content_disposition);
      if (header.modified_at_ms > 0) reply.header('Last-Modified', new Date(header.modified_at_ms).toUTCString());
      if (header.size_bytes > 0) reply.header('Content-Length', header.size_bytes);
      return undefined;
    });
  }

  @Post(':fingerprint/secret')
  async createSecret(@Req() request: ApiRequest): Promise<Answer> {
    return started(await this.images.createSecret(callOf(request), imageRef(request)));
  }

  @Post(':fingerprint/refresh')
  async refresh(@Req() request: ApiRequest): Promise<Answer> {
    return started(await this.images.refresh(callOf(request), imageRef(request)));
  }

  async #update(request: ApiRequest, mode: common.UpdateMode): Promise<Answer> {
    const { expires_at, profiles, ...sent } = await bodyOf(request, updateImageBody);
    await this.images.update(callOf(request), {
      ...sent,
      profiles: profiles ?? [],
      keep_profiles: profiles === undefined,
      project: projectOf(request),
      fingerprint: parameter(request, 'fingerprint'),
      expires_at_ms: expires_at,
      mode,
      if_match: ifMatchOf(request),
    });
    return changed();
  }
}

function imageRef(request: ApiRequest): images.ImageRef {
  return {
    project: projectOf(request),
    fingerprint: parameter(request, 'fingerprint'),
    secret: query(request, 'secret'),
    public_only: !request.identity.trusted,
  };
}
