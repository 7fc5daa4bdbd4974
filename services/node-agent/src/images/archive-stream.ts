import { LxdError } from '@asterism/errors';
import type { Host } from '../host/host.js';
import { decompressor, formatHeadBytes, knownFormat, type ArchiveFormat } from './archive-format.js';

/** Told by the first bytes; throws for files that are no image. */
export async function formatOf(host: Host, file: string): Promise<ArchiveFormat> {
  const chunks: Buffer[] = [];
  for await (const chunk of host.files.readStream(file, { start: 0, end: formatHeadBytes - 1 })) chunks.push(chunk as Buffer);
  return knownFormat(Buffer.concat(chunks));
}

/**
 * The tar stream inside a file. Leaving the loop early ends the decompressor; reading to the end throws, without
 * paths of the host, where the decompressor found the file broken.
 */
export async function* tarStream(host: Host, file: string, format: ArchiveFormat, signal?: AbortSignal): AsyncGenerator<Buffer> {
  const argv = decompressor(format, file);
  if (!argv) {
    yield* host.files.readStream(file) as AsyncIterable<Buffer>;
    return;
  }
  const process = host.spawn(argv, { signal });
  let words = '';
  process.stderr.on('data', (bytes: Buffer) => (words = (words + bytes.toString()).slice(-1024)));
  try {
    yield* process.stdout as AsyncIterable<Buffer>;
    const { code } = await process.exited;
    if (code !== 0) throw new LxdError('bad-request', `Corrupt image archive: ${words.replaceAll(`${file}: `, '').trim() || `${argv[0]} failed`}`);
  } finally {
    process.kill('SIGKILL');
  }
}
