import { LxdError } from '@asterism/errors';
import type { agentImages, common, Operations } from '@asterism/proto';
import type { CallContext, Service } from '@asterism/rpc';
import { progressOf, stageWords } from '@asterism/service';
import type { Host } from '../host/host.js';
import { formatOf } from './archive-stream.js';
import { imagePaths, imagesDirectory, isFingerprint } from './image-files.js';
import { counted } from './counted.js';
import { packImage } from './pack-image.js';
import { Uploads } from './uploads.js';

const packing = stageWords('create_image_from_container_pack', 'Image pack');

/** The image files of this member. */
export class ImagesHandler implements Service<typeof agentImages.AgentImagesDefinition> {
  readonly #uploads: Uploads;

  constructor(
    private readonly host: Host,
    private readonly stateDir: string,
    private readonly operations?: Pick<Operations, 'update'>,
  ) {
    this.#uploads = new Uploads(host, stateDir);
  }

  /** To be called once before anything is received. */
  start(): Promise<void> {
    return this.#uploads.sweep();
  }

  receive(_call: CallContext, frames: AsyncIterable<agentImages.ReceiveFrame>): Promise<agentImages.Received> {
    return this.#uploads.receive(frames);
  }

  pack(call: CallContext, request: agentImages.PackImage): Promise<agentImages.Received> {
    const count = this.operations && progressOf(this.operations, call, packing);
    return this.#uploads.receive(counted(packImage(this.host, this.stateDir, request, call.signal), count));
  }

  async commit(_call: CallContext, request: agentImages.CommitImage): Promise<common.Empty> {
    await this.#uploads.commit(request.upload_id, request.fingerprint);
    return {};
  }

  async abort(_call: CallContext, request: agentImages.UploadName): Promise<common.Empty> {
    await this.#uploads.abort(request.upload_id);
    return {};
  }

  async kept(): Promise<agentImages.KeptImages> {
    const names = await this.host.files.readdir(imagesDirectory(this.stateDir));
    return { fingerprints: names.filter(isFingerprint) };
  }

  async files(_call: CallContext, request: agentImages.ImageName): Promise<agentImages.ImageFiles> {
    const paths = imagePaths(this.stateDir, request.fingerprint);
    const [meta, rootfs] = await Promise.all([this.host.files.stat(paths.meta), this.host.files.stat(paths.rootfs)]);
    return {
      present: meta !== undefined,
      meta_bytes: meta?.size ?? 0,
      rootfs_bytes: rootfs?.size ?? -1,
      meta_extension: meta ? await formatOf(this.host, paths.meta) : '',
      rootfs_extension: rootfs ? await formatOf(this.host, paths.rootfs) : '',
      modified_at_ms: Math.floor(meta?.mtimeMs ?? 0),
    };
  }

  /** A chunk is good until the next one is asked for. */
  async *read(_call: CallContext, request: agentImages.ImagePart): AsyncIterable<agentImages.Chunk> {
    const paths = imagePaths(this.stateDir, request.fingerprint);
    const path = request.file === 'rootfs' ? paths.rootfs : paths.meta;
    if (!(await this.host.files.exists(path))) throw new LxdError('not-found', `Image ${request.fingerprint} is not on this member`);
    for await (const data of this.host.files.readChunks(path)) yield { data };
  }

  async delete(_call: CallContext, request: agentImages.ImageName): Promise<common.Empty> {
    const paths = imagePaths(this.stateDir, request.fingerprint);
    await this.host.files.remove(paths.meta);
    await this.host.files.remove(paths.rootfs);
    return {};
  }
}
