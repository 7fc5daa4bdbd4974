import { createImageBody, parseJson } from '@asterism/api';
import { invalidReason, projectKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { images } from '@asterism/proto';

/** The JSON form of POST /1.0/images. */
export type CreateImageBody = ReturnType<typeof createImageBody.read>;
export type ImageSource = NonNullable<CreateImageBody['source']>;

const instanceSources = ['container', 'instance', 'virtual-machine', 'snapshot'];

/** Read, and refused in LXD's words where it asks for nothing that can be done. */
export function createRequest(request: images.CreateImage): CreateImageBody & { source: ImageSource } {
  const body = createImageBody.read(parseJson(request.body.toString()));
  const { source } = body;
  if (!source || !(isInstanceSource(source) || source.type === 'image')) throw new LxdError('internal', 'Invalid images JSON');
  const algorithm = body.compression_algorithm;
  if (algorithm !== '' && invalidReason(projectKeys.imagesCompressionAlgorithm, algorithm) !== undefined) {
    throw new LxdError('bad-request', `Invalid compression algorithm ${JSON.stringify(algorithm.split(' ')[0])}`);
  }
  return { ...body, source };
}

export function isInstanceSource(source: ImageSource): boolean {
  return instanceSources.includes(source.type);
}

/** Go's zero time, which LXD stores where an image never expires. */
const never = -62_135_596_800;

/** Unix seconds. */
export function expiryOf(body: CreateImageBody): number {
  return body.expires_at ? Math.floor(body.expires_at / 1000) : never;
}
