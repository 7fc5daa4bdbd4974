import { projectKeys, serverKeys, valueOf } from '@asterism/config-keys';
import { Database } from '@asterism/database';
import { LxdError, isKind } from '@asterism/errors';
import { Token, type Cluster, type Projects, type common, type images } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import { findImage } from './find-image.js';
import type { ImageRow } from './image.js';
import { imageProject } from './image-project.js';
import { ImageSecrets } from './secrets.js';

/** From what a request names to what it means. */
@Injectable()
export class ImageLookup {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(Token.Projects) private readonly projects: Projects,
    @Inject(Token.Cluster) private readonly cluster: Cluster,
    @Inject(ImageSecrets) private readonly secrets: ImageSecrets,
  ) {}

  /** The project whose images this project uses. */
  owner(call: CallContext, project: string): Promise<string> {
    return imageProject(call, this.projects, project);
  }

  async find(call: CallContext, { project, fingerprint }: images.ImageRef): Promise<ImageRow> {
    return findImage(this.database, await this.owner(call, project), fingerprint);
  }

  /** The image as this caller may see it: strangers see public ones, or one whose secret they hold. */
  async visible(call: CallContext, request: images.ImageRef): Promise<ImageRow> {
    if (!request.public_only) return this.find(call, request);
    const image = await this.find(call, request).catch(() => undefined);
    if (image && (image.public || (await this.secrets.opens(call, image, request.secret)))) return image;
    throw new LxdError('not-found', `Image "${request.fingerprint}" not found`);
  }

  /** A token that lets a stranger download the image. */
  secret(call: CallContext, project: string, image: ImageRow): Promise<common.OperationAnswer> {
    return this.secrets.create(call, project, image);
  }

  /** How images of this project's instances are compressed: the project's word, then the server's. */
  async compression(call: CallContext, project: string): Promise<string> {
    const own = (await this.projects.resolve(call, { project, profiles: [] })).project?.config[projectKeys.imagesCompressionAlgorithm.name];
    return own || valueOf((await this.cluster.config(call, {})).config, serverKeys.imagesCompressionAlgorithm);
  }

  /** Refuses names of profiles that the project does not have. */
  async requireProfiles(call: CallContext, project: string, names: readonly string[]): Promise<void> {
    for (const name of names) {
      await this.projects.resolve(call, { project: project || 'default', profiles: [name] }).catch((error: unknown) => {
        throw isKind(error, 'not-found') ? new LxdError('bad-request', `Profile '${name}' doesn't exist`, { cause: error }) : error;
      });
    }
  }
}
