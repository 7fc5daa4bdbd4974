import { LxdError, fromUnknown, type ErrorKind } from '@asterism/errors';
import type { agentImages, images } from '@asterism/proto';
import { boundaryOf, readMultipart } from './multipart.js';

/** An image on the member that waits for its commit. */
export interface Arrived {
  received: { fingerprint: string; size: number; type: string; metadata: ArrivedMetadata };
  filename: string;
}

/** What became of an upload's bytes: an image, or why they are none. */
export type Arrival = Arrived | { refused: { kind: ErrorKind; message: string } };

/** metadata.yaml as the agent read it; dates are unix seconds. */
export interface ArrivedMetadata {
  architecture: string;
  creation_date: number;
  expiry_date: number;
  properties: Record<string, string>;
}

export function arrivalOf(received: agentImages.Received, filename: string): Arrived {
  const metadata = JSON.parse(received.metadata.toString()) as ArrivedMetadata;
  return { received: { fingerprint: received.fingerprint, size: received.size_bytes, type: received.type, metadata }, filename };
}

/** The body of one upload. A sender that goes away is told apart from a body that is no image. */
export class UploadBody {
  /** What the sender's connection broke with. */
  broken: LxdError | undefined;
  /** Why the body is no image, found before any member saw it. */
  refused: LxdError | undefined;
  /** File name of the root file system's part. */
  partFilename = '';

  private constructor(
    readonly header: images.UploadHeader,
    private readonly rest: AsyncIterator<images.UploadFrame>,
  ) {}

  static async open(frames: AsyncIterable<images.UploadFrame>): Promise<UploadBody> {
    const rest = frames[Symbol.asyncIterator]();
    const first = await rest.next();
    if (first.done || first.value.part?.$case !== 'header') throw new LxdError('bad-request', 'Image upload without header');
    return new UploadBody(first.value.part.value, rest);
  }

  /** The frames an agent receives: one part for a unified image, two for a split one. */
  async *parts(uploadId: string): AsyncGenerator<agentImages.ReceiveFrame> {
    try {
      yield* this.#parts(uploadId);
    } catch (error) {
      this.refused = fromUnknown(error);
      throw error;
    }
  }

  async *#parts(uploadId: string): AsyncGenerator<agentImages.ReceiveFrame> {
    const expected = this.header.headers['x-lxd-fingerprint'] ?? '';
    const part = (file: string): agentImages.ReceiveFrame => ({
      part: { $case: 'header', value: { upload_id: uploadId, file, max_bytes: 0, expected_fingerprint: expected } },
    });
    if (!/^multipart\/form-data/i.test(this.header.content_type)) {
      yield part('meta');
      for await (const bytes of this.#chunks()) yield { part: { $case: 'chunk', value: bytes } };
      return;
    }
    let count = 0;
    for await (const event of readMultipart(this.#chunks(), boundaryOf(this.header.content_type))) {
      if ('bytes' in event) {
        if (count <= 2) yield { part: { $case: 'chunk', value: event.bytes } };
        continue;
      }
      count += 1;
      if (count > 2) continue;
      const { name, filename } = event.part;
      if (count === 1 ? name !== 'metadata' : name !== 'rootfs' && name !== 'rootfs.img') throw new LxdError('bad-request', 'Invalid multipart image');
      if (count === 2) this.partFilename = filename;
      yield part(count === 1 ? 'meta' : name);
    }
    if (count < 2) throw new LxdError('bad-request', 'EOF');
  }

  /** Reads what nobody wants any more, so that the sender gets to hear the answer. */
  async drain(): Promise<void> {
    for await (const _ of this.#chunks());
  }

  async *#chunks(): AsyncGenerator<Buffer> {
    for (;;) {
      const frame = await this.rest.next().catch((error: unknown) => {
        this.broken = fromUnknown(error);
        throw this.broken;
      });
      if (frame.done) return;
      if (frame.value.part?.$case === 'chunk') yield frame.value.part.value;
    }
  }
}

/** The name LXD keeps of where an image came from. */
export function filenameOf(body: UploadBody): string {
  return body.partFilename || (body.header.headers['x-lxd-filename'] ?? '');
}

/** Of a query string as X-LXD-properties carries it; keys that come twice are left out, as LXD does. */
export function propertiesOf(query: string): Record<string, string> {
  const params = new URLSearchParams(query);
  const single = [...new Set(params.keys())].filter((key) => params.getAll(key).length === 1);
  return Object.fromEntries(single.map((key) => [key, params.get(key) ?? '']));
}
