import { LxdError } from '@asterism/errors';
import type { Argv } from '../host/commands.js';

/** What an image file is, told by its first bytes and named by the extension LXD gives it. */
export type ArchiveFormat = 'tar' | 'tar.gz' | 'tar.bz2' | 'tar.xz' | 'tar.lzma' | 'tar.zst' | 'squashfs' | 'qcow2';

/** As many bytes as `archiveFormat` wants to see. */
export const formatHeadBytes = 512;

const magics: readonly { format: ArchiveFormat; offset: number; bytes: Buffer }[] = [
  { format: 'tar.gz', offset: 0, bytes: Buffer.from([0x1f, 0x8b]) },
  { format: 'tar.bz2', offset: 0, bytes: Buffer.from('BZh') },
  { format: 'tar.xz', offset: 0, bytes: Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]) },
  { format: 'tar.lzma', offset: 0, bytes: Buffer.from([0x5d, 0x00, 0x00]) },
  { format: 'tar.zst', offset: 0, bytes: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]) },
  { format: 'squashfs', offset: 0, bytes: Buffer.from('hsqs') },
  { format: 'qcow2', offset: 0, bytes: Buffer.from([0x51, 0x46, 0x49, 0xfb]) },
  { format: 'tar', offset: 257, bytes: Buffer.from('ustar') },
];

/** Undefined for bytes that are no image. */
export function archiveFormat(head: Buffer): ArchiveFormat | undefined {
  return magics.find(({ offset, bytes }) => head.subarray(offset, offset + bytes.length).equals(bytes))?.format;
}

export function knownFormat(head: Buffer): ArchiveFormat {
  const format = archiveFormat(head);
  if (!format) throw new LxdError('bad-request', 'Unsupported compression');
  return format;
}

/** Compressors of tar archives; the memory a decompressor may take is bounded, so that a crafted dictionary size cannot exhaust the host. */
const decompressors: Partial<Record<ArchiveFormat, Argv>> = {
  'tar.gz': ['gzip', '-dc'],
  'tar.bz2': ['bzip2', '-dc'],
  'tar.xz': ['xz', '-dc', '--memlimit-decompress=1GiB'],
  'tar.lzma': ['xz', '--format=lzma', '-dc', '--memlimit-decompress=1GiB'],
  'tar.zst': ['zstd', '-dcq', '--memory=512MB'],
};

/** The command that writes the tar stream of `file` to its standard output; undefined where the file is that stream already. */
export function decompressor(format: ArchiveFormat, file: string): Argv | undefined {
  const argv = decompressors[format];
  return argv && [...argv, '--', file];
}
