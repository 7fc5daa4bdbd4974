import { Readable } from 'node:stream';
import { extract, type Header } from 'tar-stream';
import { LxdError } from '@asterism/errors';
import type { Host } from '../host/host.js';
import { formatOf, tarStream } from './archive-stream.js';
import { parseImageMetadata, maxMetadataBytes, type ImageMetadata } from './image-metadata.js';

export interface ArchiveMetadata {
  metadata: ImageMetadata;
  /** What the archive has beside the metadata; empty where nothing was found. */
  type: 'container' | 'virtual-machine' | '';
}

/** Reads as much of an image's archive as it takes to know its metadata and what it is of. */
export async function readMetadata(host: Host, file: string): Promise<ArchiveMetadata> {
  const format = await formatOf(host, file);
  if (format === 'squashfs' || format === 'qcow2') throw new LxdError('bad-request', 'Unsupported compression');
  const source = Readable.from(tarStream(host, file, format));
  const entries = extract();
  source.on('error', (error) => entries.destroy(error));
  source.pipe(entries);
  let text: string | undefined;
  let type: ArchiveMetadata['type'] = '';
  try {
    for await (const entry of entries) {
      const name = entry.header.name.replace(/^\.\//, '');
      if (name === 'metadata.yaml') text = await contents(entry);
      else if (name.startsWith('rootfs/')) type = 'container';
      else if (name === 'rootfs.img') type = 'virtual-machine';
      if (text !== undefined && type !== '') break;
      entry.resume();
    }
  } finally {
    source.destroy();
  }
  if (text === undefined) throw new LxdError('bad-request', 'Metadata tarball is missing metadata.yaml');
  return { metadata: parseImageMetadata(text), type };
}

async function contents(entry: AsyncIterable<unknown> & { header: Header }): Promise<string> {
  if (entry.header.type !== 'file') throw new LxdError('bad-request', 'Refused image archive: metadata.yaml is no file');
  if ((entry.header.size ?? 0) > maxMetadataBytes) throw new LxdError('bad-request', 'Refused image archive: metadata.yaml is too large');
  const chunks: Buffer[] = [];
  for await (const chunk of entry) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
