import { randomUUID } from 'node:crypto';
import { LxdError } from '@asterism/errors';
import { Token, type Operations, type common, type images } from '@asterism/proto';
import { systemCall, type CallContext } from '@asterism/rpc';
import { Tasks, type TaskDefinition } from '@asterism/tasks';
import { Inject, Injectable } from '@nestjs/common';
import { expiryOf, type CreateImageBody, type ImageSource } from './create-request.js';
import { deleteImageTask, type DeleteImage } from './delete-image.js';
import type { ImageRow } from './image.js';
import { holdForDeletion } from './image.store.js';
import { ImageParts } from './image-parts.js';
import { imageUrl } from './image-project.js';
import { importImageTask, type ImportImage } from './import-image.js';
import type { KeepImage, KeepState } from './keep-image.js';
import { pullImageTask, type PullImage } from './pull-image.js';
import { publishImageTask, type PublishImage } from './publish-image.js';
import { publishedInstance } from './published-instance.js';
import { refreshImageTask, type RefreshImage } from './refresh-image.js';

/** What an uploaded image has unless its headers say otherwise. */
export const plainImage: Omit<KeepImage, 'uploadId' | 'member' | 'project' | 'owner' | 'public'> = {
  properties: {},
  aliases: [],
  profiles: ['default'],
  autoUpdate: false,
  cached: false,
  createdAt: undefined,
  expiresAt: undefined,
  updateSource: undefined,
  takenWords: 'Image with same fingerprint already exists',
};

/** The durable work of images, with the words of their operations. */
@Injectable()
export class ImageTasks {
  readonly #import: TaskDefinition<ImportImage, KeepState>;
  readonly #publish: TaskDefinition<PublishImage, KeepState>;
  readonly #pull: TaskDefinition<PullImage, KeepState>;
  readonly #delete: TaskDefinition<DeleteImage, object>;
  readonly #fetching = new Map<string, Promise<string>>();
  readonly #refresh: ReturnType<typeof refreshImageTask>;

  constructor(
    @Inject(Tasks) private readonly tasks: Tasks,
    @Inject(ImageParts) private readonly parts: ImageParts,
    @Inject(Token.Operations) private readonly operations: Operations,
  ) {
    this.#import = importImageTask(parts);
    this.#publish = publishImageTask(parts);
    this.#pull = pullImageTask(parts);
    this.#delete = deleteImageTask(parts.agents, parts.volumes);
    this.#refresh = refreshImageTask(parts, async (unit, image) => {
      await holdForDeletion(unit, tasks.enlist(unit, systemCall(), this.#delete, { ...image, owner: image.project }), image);
    });
    tasks.register(this.#import);
    tasks.register(this.#publish);
    tasks.register(this.#pull);
    tasks.register(this.#delete);
    tasks.register(this.#refresh);
  }

  import(call: CallContext, input: ImportImage): Promise<common.OperationAnswer> {
    return this.#download(call, this.#import, input);
  }

  /** Makes an image of an instance or a snapshot. */
  async publish(call: CallContext, place: { project: string; owner: string; compression: string }, body: CreateImageBody & { source: ImageSource }): Promise<common.OperationAnswer> {
    const { source, properties } = body;
    const sourceProject = source.project || place.project;
    const instance = await publishedInstance(call, this.parts.instances, { project: sourceProject, source });
    return this.#download(call, this.#publish, {
      ...plainImage,
      ...instance,
      project: place.project,
      owner: place.owner,
      uploadId: randomUUID(),
      sourceProject,
      source: source.name,
      isSnapshot: source.type === 'snapshot',
      compression: body.compression_algorithm || place.compression,
      filename: body.filename,
      packedProperties: properties,
      public: body.public,
      autoUpdate: body.auto_update,
      aliases: body.aliases.map(({ name, description }) => ({ name, description })),
      profiles: body.profiles.length > 0 ? body.profiles : ['default'],
      createdAt: Math.floor(Date.now() / 1000),
      expiresAt: expiryOf(body),
      takenWords: 'The image already exists',
    });
  }

  /** Copies an image from another server, unless somebody cancels it. */
  pull(call: CallContext, place: { project: string; owner: string }, body: CreateImageBody & { source: ImageSource }): Promise<common.OperationAnswer> {
    const { server, protocol, certificate, alias, fingerprint, secret, image_type } = body.source;
    const [member = 'none'] = this.parts.agents.online();
    const input: PullImage = {
      ...plainImage,
      project: place.project,
      owner: place.owner,
      member,
      uploadId: randomUUID(),
      wish: { server, protocol, certificate, alias, fingerprint, secret, imageType: image_type },
      public: body.public,
      properties: body.properties,
      autoUpdate: body.auto_update,
      aliases: body.aliases.map(({ name, description }) => ({ name, description })),
      profiles: body.profiles.length > 0 ? body.profiles : ['default'],
      updateSource: alias === '' ? undefined : { alias, certificate, protocol: protocol || 'lxd', server, image_type },
    };
    return this.#download(call, this.#pull, input, { mayCancel: true });
  }

  /** Copies an image that an instance is to be made of, and waits for it. Answers its fingerprint. Who asks for the same at the same time shares the copy. */
  fetch(call: CallContext, place: { project: string; owner: string }, request: images.EnsureImage): Promise<string> {
    const key = JSON.stringify([place.owner, request.server, request.alias, request.fingerprint]);
    const running = this.#fetching.get(key);
    if (running) return running;
    const fetching = this.#fetch(call, place, request).finally(() => this.#fetching.delete(key));
    this.#fetching.set(key, fetching);
    return fetching;
  }

  async #fetch({ claim: _claim, ...call }: CallContext, place: { project: string; owner: string }, request: images.EnsureImage): Promise<string> {
    const { url, protocol, certificate, secret } = request.server!;
    const { alias, fingerprint } = request;
    const { id } = await this.#download(call, this.#pull, {
      ...plainImage,
      ...place,
      member: this.parts.agents.online()[0] ?? 'none',
      uploadId: randomUUID(),
      wish: { server: url, protocol, certificate, alias, fingerprint, secret, imageType: '' },
      public: false,
      autoUpdate: alias !== '',
      cached: true,
      updateSource: alias === '' ? undefined : { alias, certificate, protocol: protocol || 'lxd', server: url, image_type: '' },
    });
    const { json } = await this.operations.wait(call, { id, timeout_s: -1, secret: '', visible_projects: [] });
    const { err, metadata } = JSON.parse(json.toString()) as { err: string; metadata: { fingerprint?: string } | null };
    if (err !== '' || !metadata?.fingerprint) throw new LxdError('bad-request', err || 'Image download was cut off');
    return metadata.fingerprint;
  }

  delete(call: CallContext, project: string, image: ImageRow): Promise<common.OperationAnswer> {
    const { fingerprint } = image;
    const resources = { images: [imageUrl(project, fingerprint)] };
    return this.tasks.open(call, this.#delete, {
      input: { fingerprint, project, owner: image.project },
      operation: { description: 'Deleting image', project, resources },
    });
  }

  /** Removes an image without anybody having asked. */
  async expire(call: CallContext, image: { project: string; fingerprint: string }): Promise<void> {
    await this.tasks.enqueue(call, this.#delete, { ...image, owner: image.project });
  }

  refresh(call: CallContext, project: string, image: ImageRow): Promise<common.OperationAnswer> {
    return this.tasks.open(call, this.#refresh, { input: this.#refreshed(project, image), operation: { description: 'Refreshing image', project, resources: {} } });
  }

  /** Refreshes an image without anybody having asked. */
  async renew(call: CallContext, image: ImageRow): Promise<void> {
    await this.tasks.enqueue(call, this.#refresh, this.#refreshed(image.project, image));
  }

  #refreshed(project: string, image: ImageRow): RefreshImage {
    return {
      ...plainImage,
      project,
      owner: image.project,
      member: this.parts.agents.online()[0] ?? 'none',
      uploadId: randomUUID(),
      fingerprint: image.fingerprint,
      public: image.public,
      profiles: image.profiles,
      autoUpdate: image.auto_update,
      cached: image.cached,
      updateSource: image.update_source ?? undefined,
    };
  }

  #download<I extends KeepImage>(call: CallContext, definition: TaskDefinition<I, KeepState>, input: I, more: { mayCancel?: boolean } = {}): Promise<common.OperationAnswer> {
    return this.tasks.open(call, definition, { input, operation: { description: 'Downloading image', project: input.project, resources: {}, ...more } });
  }
}
