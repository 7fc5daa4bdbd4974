import { document, matchesFilter, parseFilter, requireMatch } from '@asterism/api';
import { isTrue } from '@asterism/config-keys';
import { Database } from '@asterism/database';
import { lifecycle, type AsterismEvent } from '@asterism/events';
import type { Images, common, images } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import { Aliases } from './aliases.js';
import { createRequest } from './create-request.js';
import { findImage, wantedImage } from './find-image.js';
import { imageEtag, imageJson, type ImageRow } from './image.js';
import { ImageFiles } from './image-files.js';
import { ImageLookup } from './image-lookup.js';
import { imageUrl } from './image-project.js';
import { ImageTasks, plainImage } from './image-tasks.js';
import { changeImage, holdsImages, listFingerprints, listImages, lockImage } from './image.store.js';
import { changed } from './image-update.js';
import { propertiesOf } from './upload.js';

/** Images and their aliases, as the API has them. */
@Injectable()
export class ImagesHandler implements Images {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(ImageLookup) private readonly lookup: ImageLookup,
    @Inject(ImageFiles) private readonly files: ImageFiles,
    @Inject(ImageTasks) private readonly tasks: ImageTasks,
    @Inject(Aliases) private readonly aliases: Aliases,
  ) {}

  async list(call: CallContext, request: images.ListImages): Promise<common.Document> {
    const { project, recursion, filter } = request.list!;
    const wanted = { project: await this.lookup.owner(call, project), publicOnly: request.public_only };
    if (recursion === 0 && filter === '') {
      return document((await listFingerprints(this.database, wanted)).map((fingerprint) => imageUrl(project, fingerprint)));
    }
    const clauses = parseFilter(filter);
    const rows = (await listImages(this.database, wanted)).filter((row) => clauses.length === 0 || matchesFilter(imageJson(row), clauses));
    return document(recursion > 0 ? rows.map(imageJson) : rows.map((row) => imageUrl(project, row.fingerprint)));
  }

  async holds(_call: CallContext, { project }: common.ProjectName): Promise<common.Held> {
    return { any: await holdsImages(this.database, project) };
  }

  async get(call: CallContext, request: images.ImageRef): Promise<common.Document> {
    const image = await this.lookup.visible(call, request);
    return document(imageJson(image), imageEtag(image));
  }

  async upload(call: CallContext, frames: AsyncIterable<images.UploadFrame>): Promise<common.OperationAnswer> {
    const { header, ...taken } = await this.files.take(call, frames);
    const project = header.project || 'default';
    return this.tasks.import(call, {
      ...plainImage,
      ...taken,
      project,
      owner: await this.lookup.owner(call, project),
      public: isTrue(header.headers['x-lxd-public']),
      properties: propertiesOf(header.headers['x-lxd-properties'] ?? ''),
    });
  }

  async create(call: CallContext, request: images.CreateImage): Promise<common.OperationAnswer> {
    const body = createRequest(request);
    const project = request.project || 'default';
    const place = { project, owner: await this.lookup.owner(call, project) };
    if (body.source.type === 'image') return this.tasks.pull(call, place, body);
    return this.tasks.publish(call, { ...place, compression: await this.lookup.compression(call, project) }, body);
  }

  async update(call: CallContext, request: images.UpdateImage): Promise<common.Empty> {
    const owner = await this.lookup.owner(call, request.project);
    await this.lookup.requireProfiles(call, request.project, request.profiles);
    await this.database.transact(async (unit) => {
      const { fingerprint } = await findImage(unit, owner, request.fingerprint);
      await lockImage(unit, owner, fingerprint);
      const image = await findImage(unit, owner, fingerprint);
      requireMatch(request.if_match, imageEtag(image));
      await changeImage(unit, image, changed(image, request));
      unit.emit(this.#event(call, 'image-updated', request.project, image));
    });
    return {};
  }

  async delete(call: CallContext, request: images.ImageRef): Promise<common.OperationAnswer> {
    return this.tasks.delete(call, request.project || 'default', await this.lookup.find(call, request));
  }

  async refresh(call: CallContext, request: images.ImageRef): Promise<common.OperationAnswer> {
    return this.tasks.refresh(call, request.project || 'default', await this.lookup.find(call, request));
  }

  async *export(call: CallContext, request: images.ImageRef): AsyncIterable<images.ExportFrame> {
    const image = await this.lookup.visible(call, request);
    yield* this.files.export(call, image);
    await this.database.transact(async (unit) => unit.emit(this.#event(call, 'image-retrieved', request.project, image)));
  }

  async createSecret(call: CallContext, request: images.ImageRef): Promise<common.OperationAnswer> {
    return this.lookup.secret(call, request.project || 'default', await this.lookup.find(call, request));
  }

  listAliases(call: CallContext, request: images.ListImages): Promise<common.Document> {
    return this.aliases.list(call, request);
  }

  getAlias(call: CallContext, request: images.AliasRef): Promise<common.Document> {
    return this.aliases.get(call, request);
  }

  createAlias(call: CallContext, request: images.CreateAliasRequest): Promise<common.Created> {
    return this.aliases.create(call, request);
  }

  updateAlias(call: CallContext, request: images.UpdateAliasRequest): Promise<common.Empty> {
    return this.aliases.update(call, request);
  }

  renameAlias(call: CallContext, request: images.RenameAliasRequest): Promise<common.Created> {
    return this.aliases.rename(call, request);
  }

  deleteAlias(call: CallContext, request: images.AliasRef): Promise<common.Empty> {
    return this.aliases.delete(call, request);
  }

  async ensure(call: CallContext, request: images.EnsureImage): Promise<images.EnsuredImage> {
    const owner = await this.lookup.owner(call, request.project);
    const fetched = request.server ? await this.tasks.fetch(call, { project: request.project || 'default', owner }, request) : undefined;
    const image = fetched ? await findImage(this.database, owner, fetched) : await wantedImage(this.database, owner, request);
    if (request.member !== '') await this.files.place(call, request.member, image);
    const { fingerprint, type, architecture, properties, profiles, size } = image;
    return { fingerprint, type, architecture, properties, profiles, size_bytes: size };
  }

  #event(call: CallContext, action: string, project: string, image: ImageRow): AsterismEvent {
    return lifecycle({ action, source: imageUrl(project, image.fingerprint), project: project || 'default', requestor: call.requestor });
  }
}
