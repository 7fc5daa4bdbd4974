import { join } from 'node:path';
import { LxdError } from '@asterism/errors';
import type { agentImages } from '@asterism/proto';
import { stringify } from 'yaml';
import type { Host } from '../host/host.js';
import { VolumeOwners } from '../instances/owners/volume-owners.js';
import { copyTree } from '../storage/plain-trees.js';
import { maxMetadataBytes, parseImageMetadata, type ImageMetadata } from './image-metadata.js';
import { receivingDirectory } from './uploads.js';

const compressors: Record<string, string> = { gzip: 'gzip -n', pigz: 'pigz -n', bzip2: 'bzip2', lzma: 'lzma', xz: 'xz', zstd: 'zstd -q' };

/** A unified image of an instance's volume, as the frames of an upload: metadata.yaml first, then templates and root file system. */
export async function* packImage(host: Host, stateDir: string, request: agentImages.PackImage, signal?: AbortSignal): AsyncGenerator<agentImages.ReceiveFrame> {
  const compressor = compressorOf(request.compression);
  yield { part: { $case: 'header', value: { upload_id: request.upload_id, file: 'meta', max_bytes: 0, expected_fingerprint: '' } } };
  const directory = receivingDirectory(stateDir, request.upload_id);
  await host.files.write(join(directory, 'metadata.yaml'), stringify(await packedMetadata(host, request)));
  const shown = await withGuestIds(host, request.path, directory);
  const hasTemplates = (await host.files.stat(join(request.path, 'templates')))?.kind === 'directory';
  const tar = host.spawn(
    [
      'tar', '--force-local', '--numeric-owner', '--xattrs', '--xattrs-include=*', '--warning=no-file-ignored', ...(compressor ? ['-I', compressor] : []),
      '-cf', '-', '-C', directory, 'metadata.yaml', '-C', request.path, ...(hasTemplates ? ['templates'] : []), '-C', shown, 'rootfs',
    ],
    { signal },
  );
  try {
    for await (const chunk of tar.stdout) yield { part: { $case: 'chunk', value: chunk as Buffer } };
    await tar.succeeded();
  } finally {
    tar.kill('SIGKILL');
    await host.files.remove(join(directory, 'metadata.yaml'));
    if (shown !== request.path) await host.files.remove(shown);
  }
}

/** Where the root file system lies with the ids that the guest sees: a copy of one that was shifted. */
async function withGuestIds(host: Host, volume: string, directory: string): Promise<string> {
  const shift = await new VolumeOwners(host).onDisk(volume);
  if (shift.length === 0) return volume;
  const copy = join(directory, 'unshifted');
  await host.files.mkdir(join(copy, 'rootfs'), { mode: 0o700 });
  await copyTree(host, join(volume, 'rootfs'), join(copy, 'rootfs'), { still: false });
  await host.owners.change(join(copy, 'rootfs'), { from: shift, to: [] }, join(copy, 'owners'));
  return copy;
}

/** The compressor's command line; nothing but known names and a level gets through. */
export function compressorOf(compression: string): string | undefined {
  const [name = '', level, ...more] = compression.split(' ').filter(Boolean);
  if (name === 'none') return undefined;
  const command = compressors[name];
  if (!command || more.length > 0 || (level !== undefined && !/^-[0-9]{1,2}$/.test(level))) {
    throw new LxdError('bad-request', `Invalid compression algorithm ${JSON.stringify(name)}`);
  }
  return level === undefined ? command : `${command} ${level}`;
}

/** What the image the instance came from said of itself, with the caller's properties. */
async function packedMetadata(host: Host, request: agentImages.PackImage): Promise<ImageMetadata> {
  const file = join(request.path, 'metadata.yaml');
  const stat = await host.files.stat(file);
  const isKnown = stat?.kind === 'file' && stat.size <= maxMetadataBytes;
  const before = isKnown ? parseImageMetadata(await host.files.readText(file)) : undefined;
  return {
    architecture: before?.architecture || request.architecture,
    creation_date: before?.creation_date || Math.floor(Date.now() / 1000),
    expiry_date: request.expiry_date,
    properties: Object.keys(request.properties).length > 0 ? request.properties : (before?.properties ?? {}),
    templates: before?.templates ?? {},
  };
}
