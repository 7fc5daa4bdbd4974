import { Agents } from '@asterism/agents';
import { LxdError } from '@asterism/errors';
import { Token, type InstanceVolumes, type common } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { Tasks, defineTask, type TaskDefinition } from '@asterism/tasks';
import { Inject, Injectable } from '@nestjs/common';
import { deleteImageTask, type DeleteImage } from './delete-image.js';
import type { ImageRow } from './image.js';
import { imageUrl } from './image-project.js';
import { importImageTask, type ImportImage } from './import-image.js';
import { ImageSecrets } from './secrets.js';

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

/** The operations of images: their durable work, and tokens. */
@Injectable()
export class ImageTasks {
  readonly #import: TaskDefinition<ImportImage, object>;
  readonly #delete: TaskDefinition<DeleteImage, object>;

  constructor(
    @Inject(Tasks) private readonly tasks: Tasks,
    @Inject(Agents) agents: Agents,
    @Inject(Token.InstanceVolumes) volumes: InstanceVolumes,
    @Inject(ImageSecrets) private readonly secrets: ImageSecrets,
  ) {
    this.#import = importImageTask(agents);
    this.#delete = deleteImageTask(agents, volumes);
    tasks.register(this.#import);
    tasks.register(this.#delete);
    tasks.register(refreshImageTask);
  }

  import(call: CallContext, input: ImportImage): Promise<common.OperationAnswer> {
    return this.tasks.open(call, this.#import, { input, operation: { description: 'Downloading image', project: input.project, resources: {} } });
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

  /** A token that lets a stranger download the image. */
  secret(call: CallContext, project: string, image: ImageRow): Promise<common.OperationAnswer> {
    return this.secrets.create(call, project, image);
  }
}
