import { join } from 'node:path';
import { LxdError } from '@asterism/errors';
import type { Host } from '../host/host.js';

/** Where an image's files lie: `images/<fingerprint>` and, of split images, `images/<fingerprint>.rootfs`, as LXD has them. */
export interface ImagePaths {
  meta: string;
  rootfs: string;
}

export function imagesDirectory(stateDir: string): string {
  return join(stateDir, 'images');
}

export function imagePaths(stateDir: string, fingerprint: string): ImagePaths {
  if (!isFingerprint(fingerprint)) throw new LxdError('bad-request', `Invalid image fingerprint ${JSON.stringify(fingerprint)}`);
  const meta = join(imagesDirectory(stateDir), fingerprint);
  return { meta, rootfs: `${meta}.rootfs` };
}

export function isFingerprint(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/** What `unpackImage` wants to know of an image on this member; throws not-found where its files are not. */
export async function imageSource(host: Host, stateDir: string, fingerprint: string): Promise<{ meta: string; rootfs?: string }> {
  const { meta, rootfs } = imagePaths(stateDir, fingerprint);
  if (!(await host.files.exists(meta))) throw new LxdError('not-found', `Image ${fingerprint} is not on this member`);
  return (await host.files.exists(rootfs)) ? { meta, rootfs } : { meta };
}
