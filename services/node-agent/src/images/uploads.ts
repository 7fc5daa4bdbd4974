import { createHash, type Hash } from 'node:crypto';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { LxdError } from '@asterism/errors';
import type { agentImages } from '@asterism/proto';
import type { Host } from '../host/host.js';
import { isNoRoom } from '../host/no-room.js';
import { checkArchive } from './check-archive.js';
import { imagePaths, imagesDirectory } from './image-files.js';
import { readMetadata, type ArchiveMetadata } from './read-metadata.js';
import { ended, written } from './written.js';

const prefix = 'upload-';
const partialSuffix = '.partial';
const forgottenMs = 24 * 60 * 60 * 1000;

/** What arrives in the meantime goes to the disk already, so that little is left to wait for at the end. */
const syncEveryBytes = 32 * 1024 * 1024;

interface Part {
  file: string;
  bytes: number;
  /** How many of them are on the disk, or on their way. */
  synced: number;
  /** The last of these ways. */
  syncing: Promise<void>;
}

/** Images on their way in. An upload is a directory beside the images until it is committed; one that is not whole yet has another name, and is swept at start. */
export class Uploads {
  constructor(
    private readonly host: Host,
    private readonly stateDir: string,
  ) {}

  /** Takes the parts, hashing them as they pass, and reads the metadata. Whatever fails, the temporary files are gone. */
  async receive(frames: AsyncIterable<agentImages.ReceiveFrame>): Promise<agentImages.Received> {
    const reception = new Reception(this.host, this.stateDir);
    try {
      for await (const { part } of frames) {
        if (part?.$case === 'header') await reception.open(part.value);
        else if (part?.$case === 'chunk') await reception.take(part.value);
      }
      return await reception.finish();
    } catch (error) {
      await reception.discard();
      if (isNoRoom(error)) throw new LxdError('internal', 'Unable to store image, run out of disk space', { cause: error });
      throw error;
    }
  }

  /** Moves the files to where images lie; repeating it is fine. */
  async commit(uploadId: string, fingerprint: string): Promise<void> {
    const directory = uploadDirectory(this.stateDir, uploadId);
    const paths = imagePaths(this.stateDir, fingerprint);
    const { files } = this.host;
    if (!(await files.exists(directory)) && (await files.exists(paths.meta))) return;
    if (!(await files.exists(join(directory, 'meta')))) throw new LxdError('not-found', `Upload ${uploadId} not found`);
    if (await files.exists(join(directory, 'rootfs'))) await files.rename(join(directory, 'rootfs'), paths.rootfs);
    else await files.remove(paths.rootfs);
    await files.rename(join(directory, 'meta'), paths.meta);
    await files.sync(imagesDirectory(this.stateDir));
    await files.remove(directory);
  }

  async abort(uploadId: string): Promise<void> {
    await this.host.files.remove(uploadDirectory(this.stateDir, uploadId));
    await this.host.files.remove(receivingDirectory(this.stateDir, uploadId));
  }

  /** Removes what uploads of an earlier process left. */
  /** Whole ones stay: a task that was accepted before a crash goes on with them. Who asked for one and never came back is given a day. */
  async sweep(): Promise<void> {
    const directory = imagesDirectory(this.stateDir);
    await this.host.files.mkdir(directory, { mode: 0o700 });
    for (const name of await this.host.files.readdir(directory)) {
      if (!name.startsWith(prefix)) continue;
      const path = join(directory, name);
      const before = name.endsWith(partialSuffix) ? performance.timeOrigin : Date.now() - forgottenMs;
      if (((await this.host.files.stat(path))?.mtimeMs ?? 0) < before) await this.host.files.remove(path);
    }
  }
}

/** One upload while its bytes arrive. */
class Reception {
  readonly #hash: Hash = createHash('sha256');
  readonly #parts: Part[] = [];
  #out: Writable | undefined;
  #first: agentImages.ReceiveHeader | undefined;
  #maxBytes = 0;

  constructor(
    private readonly host: Host,
    private readonly stateDir: string,
  ) {}

  async open(header: agentImages.ReceiveHeader): Promise<void> {
    const expected = this.#parts.length === 0 ? ['meta'] : ['rootfs', 'rootfs.img'];
    if (!expected.includes(header.file) || this.#parts.length > 1) throw new LxdError('bad-request', 'Invalid multipart image');
    this.#first ??= header;
    await this.#closePart();
    // What an attempt before a crash has left.
    if (this.#parts.length === 0) await this.host.files.remove(this.#directory);
    await this.host.files.mkdir(this.#directory, { mode: 0o700 });
    this.#maxBytes = header.max_bytes;
    this.#parts.push({ file: header.file, bytes: 0, synced: 0, syncing: Promise.resolve() });
    this.#out = this.host.files.writeStream(this.#pathOf(header.file));
    this.#out.on('error', () => undefined);
  }

  async take(chunk: Buffer): Promise<void> {
    const part = this.#parts.at(-1);
    if (!part || !this.#out) throw new LxdError('bad-request', 'Image data before its header');
    part.bytes += chunk.length;
    if (this.#maxBytes > 0 && part.bytes > this.#maxBytes) throw new LxdError('too-large', 'Image is larger than allowed');
    const write = written(this.#out, chunk);
    this.#hash.update(chunk);
    await write;
    if (part.bytes - part.synced >= syncEveryBytes) this.#sync(part);
  }

  async finish(): Promise<agentImages.Received> {
    await this.#closePart();
    const first = this.#first;
    if (!first) throw new LxdError('bad-request', 'EOF');
    const fingerprint = this.#hash.digest('hex');
    if (first.expected_fingerprint !== '' && first.expected_fingerprint !== fingerprint) {
      throw new LxdError('bad-request', `fingerprints don't match, got ${fingerprint} expected ${first.expected_fingerprint}`);
    }
    const size = this.#parts.reduce((total, part) => total + part.bytes, 0);
    const [{ metadata, type }] = await Promise.all([this.#check(), ...this.#parts.map(({ syncing }) => syncing)]);
    const whole = uploadDirectory(this.stateDir, first.upload_id);
    await this.host.files.remove(whole);
    await this.host.files.rename(this.#directory, whole);
    return { fingerprint, size_bytes: size, metadata: Buffer.from(JSON.stringify(metadata)), type };
  }

  async discard(): Promise<void> {
    this.#out?.destroy();
    if (this.#first) await this.host.files.remove(this.#directory);
  }

  async #check(): Promise<ArchiveMetadata> {
    if (this.#parts[0]!.bytes === 0) throw new LxdError('bad-request', 'EOF');
    const meta = join(this.#directory, 'meta');
    const rootfs = this.#parts[1];
    const found = await readMetadata(this.host, meta);
    await checkArchive(this.host, meta, rootfs ? 'metadata' : 'unified');
    if (!rootfs) return found;
    if (rootfs.file === 'rootfs') await checkArchive(this.host, join(this.#directory, 'rootfs'), 'rootfs');
    return { ...found, type: rootfs.file === 'rootfs' ? 'container' : 'virtual-machine' };
  }

  async #closePart(): Promise<void> {
    const out = this.#out;
    if (!out) return;
    await ended(out);
    this.#sync(this.#parts.at(-1)!);
    this.#out = undefined;
  }

  #sync(part: Part): void {
    part.synced = part.bytes;
    part.syncing = part.syncing.then(() => this.host.files.sync(this.#pathOf(part.file)));
    part.syncing.catch(() => undefined);
  }

  #pathOf(file: string): string {
    return join(this.#directory, file === 'meta' ? 'meta' : 'rootfs');
  }

  get #directory(): string {
    return receivingDirectory(this.stateDir, this.#first!.upload_id);
  }
}

/** Of an upload that is not whole yet. */
export function receivingDirectory(stateDir: string, uploadId: string): string {
  return `${uploadDirectory(stateDir, uploadId)}${partialSuffix}`;
}

export function uploadDirectory(stateDir: string, uploadId: string): string {
  if (!/^[0-9a-f-]{36}$/.test(uploadId)) throw new LxdError('bad-request', `Invalid upload id ${JSON.stringify(uploadId)}`);
  return join(imagesDirectory(stateDir), `${prefix}${uploadId}`);
}
