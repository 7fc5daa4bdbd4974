import { randomUUID } from 'node:crypto';
import { Agents } from '@asterism/agents';
import { LxdError } from '@asterism/errors';
import { Token, type InstanceVolumes, type Instances, type common } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { Tasks, defineTask, type TaskDefinition } from '@asterism/tasks';
import { Inject, Injectable } from '@nestjs/common';
import { expiryOf, type CreateImageBody, type ImageSource } from './create-request.js';
import { deleteImageTask, type DeleteImage } from './delete-image.js';
import type { ImageRow } from './image.js';
import { imageUrl } from './image-project.js';
import { importImageTask, type ImportImage } from './import-image.js';
import type { KeepImage, KeepState } from './keep-image.js';
import { publishImageTask, type PublishImage } from './publish-image.js';
import { publishedInstance } from './published-instance.js';

interface RefreshImage {
  fingerprint: string;
  project: string;
}

const refreshImageTask: TaskDefinition<RefreshImage, object> = defineTask<RefreshImage, object>({
  kind: 'image.refresh',
  steps: [
    {
      name: 'look for a newer image',
      async run({ input }) {
        throw new LxdError('bad-request', `Failed to update image "${input.fingerprint}" in project "${input.project}": Image source not found`);
      },
    },
  ],
});

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
  readonly #delete: TaskDefinition<DeleteImage, object>;

  constructor(
    @Inject(Tasks) private readonly tasks: Tasks,
    @Inject(Agents) agents: Agents,
    @Inject(Token.Instances) private readonly instances: Instances,
    @Inject(Token.InstanceVolumes) volumes: InstanceVolumes,
  ) {
    this.#import = importImageTask(agents);
    this.#publish = publishImageTask({ agents, instances, volumes });
    this.#delete = deleteImageTask(agents, volumes);
    tasks.register(this.#import);
    tasks.register(this.#publish);
    tasks.register(this.#delete);
    tasks.register(refreshImageTask);
  }

  import(call: CallContext, input: ImportImage): Promise<common.OperationAnswer> {
    return this.#download(call, this.#import, input);
  }

  /** Makes an image of an instance or a snapshot. */
  async publish(call: CallContext, place: { project: string; owner: string; compression: string }, body: CreateImageBody & { source: ImageSource }): Promise<common.OperationAnswer> {
    const { source, properties } = body;
    const sourceProject = source.project || place.project;
    const instance = await publishedInstance(call, this.instances, { project: sourceProject, source });
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
    return this.tasks.open(call, refreshImageTask, {
      input: { fingerprint: image.fingerprint, project: image.project },
      operation: { description: 'Refreshing image', project, resources: {} },
    });
  }

  #download<I extends KeepImage>(call: CallContext, definition: TaskDefinition<I, KeepState>, input: I): Promise<common.OperationAnswer> {
    return this.tasks.open(call, definition, { input, operation: { description: 'Downloading image', project: input.project, resources: {} } });
  }
}
