import { join } from 'node:path';
import { LxdError, fromUnknown } from '@asterism/errors';
import type { Host } from '../host/host.js';
import { isNoRoom } from '../host/no-room.js';
import type { ArchiveFormat } from './archive-format.js';
import { ArchiveRules, type ArchiveRole } from './archive-rules.js';
import { formatOf, tarStream } from './archive-stream.js';
import { emptyDirectory, jailed } from './jail.js';
import { unpackSquashfs } from './squashfs.js';
import { TarGuard } from './tar-guard.js';
import { written } from './written.js';

export interface UnpackImage {
  /** The unified archive, or the archive of the metadata. */
  meta: string;
  /** The archive of the root file system where the image is split. */
  rootfs?: string | undefined;
  /** An existing empty directory; gets metadata.yaml, templates/ and rootfs/. */
  target: string;
  signal?: AbortSignal | undefined;
  /** Told of each piece that was unpacked, in bytes. */
  count?: ((bytes: number) => void) | undefined;
}

/**
 * Unpacks a container's image with the owners, modes, times, links and extended attributes it carries. Archives are hostile until
 * shown otherwise: every entry is checked before the extractor sees it, and the extractor runs in a jail that ends at the target.
 * On any failure, a full disk among them, the target is empty again.
 */
export async function unpackImage(host: Host, image: UnpackImage): Promise<void> {
  try {
    if (image.rootfs === undefined) {
      await unpackArchive(host, image, { file: image.meta, target: image.target, role: 'unified' });
    } else {
      await unpackArchive(host, image, { file: image.meta, target: image.target, role: 'metadata' });
      const root = join(image.target, 'rootfs');
      await host.files.mkdir(root, { mode: 0o755 });
      await unpackArchive(host, image, { file: image.rootfs, target: root, role: 'rootfs' });
    }
    await requireRootfs(host, image.target);
  } catch (error) {
    const full = await isFull(host, image.target, error);
    await emptyDirectory(host, image.target);
    if (full) throw new LxdError('internal', 'Unable to unpack image, run out of disk space', { cause: error });
    throw fromUnknown(error);
  }
}

async function unpackArchive(host: Host, { signal, count }: UnpackImage, { file, target, role }: { file: string; target: string; role: ArchiveRole }): Promise<void> {
  const format = await formatOf(host, file);
  if (format === 'qcow2') throw new LxdError('bad-request', 'Refused image archive: a disk image is no root file system');
  if (format === 'squashfs') await unpackSquashfs(host, { target, image: file }, role, signal);
  else await unpackTar(host, { file, format, target, role, signal, count });
}

interface TarArchive {
  file: string;
  format: ArchiveFormat;
  target: string;
  role: ArchiveRole;
  signal?: AbortSignal | undefined;
  count?: ((bytes: number) => void) | undefined;
}

const extract = ['tar', '--restrict', '--force-local', '-C', '/target', '--numeric-owner', '--preserve-permissions', '--same-owner', '--xattrs', '--xattrs-include=*', '-xf', '-'] as const;

async function unpackTar(host: Host, archive: TarArchive): Promise<void> {
  const { size } = (await host.files.stat(archive.file)) ?? { size: 0 };
  const tar = host.spawn(await jailed(host, { target: archive.target }, extract), { signal: archive.signal });
  tar.stdout.resume();
  const guard = new TarGuard(new ArchiveRules(archive.role, size));
  try {
    for await (const chunk of tarStream(host, archive.file, archive.format, archive.signal)) {
      archive.count?.(chunk.length);
      const pieces = guard.push(chunk);
      const tarReads = pieces.length === 0 || (await written(tar.stdin, pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)));
      if (!tarReads || guard.ended) break;
    }
    if (tar.stdin.writable) guard.finish();
    tar.stdin.end();
    await tar.succeeded();
  } catch (error) {
    tar.kill('SIGKILL');
    const exit = await tar.exited;
    // A tar that ended by itself knows why the pipe to it broke.
    if (exit.code !== null && exit.code !== 0) await tar.succeeded();
    throw error;
  }
}

async function requireRootfs(host: Host, target: string): Promise<void> {
  if ((await host.files.stat(join(target, 'metadata.yaml')))?.kind !== 'file') throw new LxdError('bad-request', 'Metadata tarball is missing metadata.yaml');
  if ((await host.files.stat(join(target, 'rootfs')))?.kind !== 'directory') throw new LxdError('bad-request', 'Image is missing a rootfs');
}

async function isFull(host: Host, target: string, error: unknown): Promise<boolean> {
  if (isNoRoom(error)) return true;
  const { freeBytes, freeInodes, totalInodes } = await host.files.space(target);
  return freeBytes < 40_960 || (totalInodes > 0 && freeInodes < 10);
}
