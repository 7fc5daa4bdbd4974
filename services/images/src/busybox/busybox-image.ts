import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { pack } from 'tar-stream';
import type { Pack } from 'tar-stream';
import { busyboxRootfs } from './busybox-rootfs.js';

export interface BusyboxImageOptions {
  /** LXD's name of the architecture, `x86_64` by default. */
  architecture?: string;
  /** Goes into the metadata; another description gives the image another fingerprint. */
  description?: string;
  /** Seconds since 1970; every file carries it. */
  creationDate?: number;
  /** Adds a template of /etc/hostname that is written on create and copy. */
  templates?: boolean;
  /** Further files of the root file system, to make an image larger or different. */
  files?: { path: string; content: string | Buffer; mode?: number }[];
}

export const busyboxCreationDate = 1_700_000_000;

/** A unified image (`metadata.yaml` and `rootfs/` in one tar.gz) around a static busybox; the same input gives the same bytes. */
export async function busyboxImage(busybox: Buffer, options: BusyboxImageOptions = {}): Promise<Buffer> {
  const tar = pack();
  const bytes = collect(tar);
  addMetadata(tar, options);
  addRootfs(tar, busybox, 'rootfs', options);
  tar.finalize();
  return await compress(await bytes);
}

/** The same image split in two: the metadata archive and the archive of the root file system. */
export async function busyboxSplitImage(busybox: Buffer, options: BusyboxImageOptions = {}): Promise<{ metadata: Buffer; rootfs: Buffer }> {
  const metadata = pack();
  const rootfs = pack();
  const bytes = [collect(metadata), collect(rootfs)] as const;
  addMetadata(metadata, options);
  metadata.finalize();
  addRootfs(rootfs, busybox, '.', options);
  rootfs.finalize();
  return { metadata: await compress(await bytes[0]), rootfs: await compress(await bytes[1]) };
}

function addMetadata(tar: Pack, options: BusyboxImageOptions): void {
  const mtime = date(options);
  const architecture = options.architecture ?? 'x86_64';
  const description = options.description ?? 'Busybox';
  const lines = [
    `architecture: ${JSON.stringify(architecture)}`,
    `creation_date: ${options.creationDate ?? busyboxCreationDate}`,
    'properties:',
    `  architecture: ${JSON.stringify(architecture)}`,
    `  description: ${JSON.stringify(description)}`,
    '  name: "busybox"',
    '  os: "Busybox"',
    '  release: "stable"',
  ];
  if (options.templates) lines.push('templates:', '  /etc/hostname:', '    when: [create, copy]', '    template: hostname.tpl');
  tar.entry({ name: 'metadata.yaml', mode: 0o644, mtime }, `${lines.join('\n')}\n`);
  if (!options.templates) return;
  tar.entry({ name: 'templates', type: 'directory', mode: 0o755, mtime });
  tar.entry({ name: 'templates/hostname.tpl', mode: 0o644, mtime }, '{{ container.name }}\n');
}

function addRootfs(tar: Pack, busybox: Buffer, prefix: string, options: BusyboxImageOptions): void {
  const mtime = date(options);
  tar.entry({ name: prefix, type: 'directory', mode: 0o755, mtime });
  for (const entry of busyboxRootfs(busybox)) {
    const name = `${prefix}${entry.path}`;
    if (entry.kind === 'directory') tar.entry({ name, type: 'directory', mode: entry.mode, mtime });
    else if (entry.kind === 'symlink') tar.entry({ name, type: 'symlink', linkname: entry.target, mode: 0o777, mtime });
    else tar.entry({ name, mode: entry.mode, mtime }, entry.content);
  }
  for (const file of options.files ?? []) tar.entry({ name: `${prefix}${file.path}`, mode: file.mode ?? 0o644, mtime }, file.content);
}

function date(options: BusyboxImageOptions): Date {
  return new Date((options.creationDate ?? busyboxCreationDate) * 1000);
}

async function collect(tar: Pack): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function compress(bytes: Buffer): Promise<Buffer> {
  return await promisify(gzip)(bytes, { level: 6 });
}
