import type { Database } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import type { images } from '@asterism/proto';
import { findAlias } from './alias.store.js';
import type { ImageRow } from './image.js';
import { findByPrefix, findByProperties } from './image.store.js';

/** The one image whose fingerprint begins so; throws in LXD's words. */
export async function findImage(reader: Pick<Database, 'query'>, project: string, prefix: string): Promise<ImageRow> {
  const [first, second] = /^[0-9a-f]{1,64}$/.test(prefix) ? await findByPrefix(reader, project, prefix) : [];
  if (!first) throw new LxdError('not-found', 'Image not found');
  if (second && first.fingerprint !== prefix) throw new LxdError('internal', 'More than one image matches');
  return first;
}

/** The image that an instance is to be made of: alias first, then fingerprint, then properties. Throws in LXD's words. */
export async function wantedImage(reader: Pick<Database, 'query'>, project: string, request: images.EnsureImage): Promise<ImageRow> {
  if (request.alias !== '') {
    const alias = await findAlias(reader, { project, name: request.alias });
    if (!alias) throw new LxdError('not-found', 'Image alias not found');
    return findImage(reader, project, alias.target);
  }
  if (request.fingerprint !== '') return findImage(reader, project, request.fingerprint);
  if (Object.keys(request.properties).length === 0) {
    throw new LxdError('internal', 'Must specify one of alias, fingerprint or properties for init from image');
  }
  const image = await findByProperties(reader, project, request.properties);
  if (!image) throw new LxdError('internal', 'No matching image could be found');
  return image;
}
