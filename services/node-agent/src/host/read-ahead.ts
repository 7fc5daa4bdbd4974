import { read } from 'node:fs';
import { promisify } from 'node:util';

const readAsync = promisify(read);
const pieceBytes = 512 * 1024;

/**
 * The first `bytes` of an open file in large pieces, each read while the one before is being used. A piece is good until the next one is asked
 * for: its memory is used again, which spares the collector gigabytes. Ends early where the file does.
 */
export async function* readAhead(fd: number, bytes: number): AsyncGenerator<Buffer> {
  const size = Math.min(pieceBytes, bytes);
  const buffers = [Buffer.allocUnsafeSlow(size), Buffer.allocUnsafeSlow(bytes > size ? size : 0)] as const;
  const readAt = (offset: number): Promise<{ bytesRead: number; buffer: Buffer }> | undefined =>
    offset < bytes ? readAsync(fd, buffers[(offset / size) % 2]!, 0, Math.min(size, bytes - offset), offset) : undefined;
  let ahead = readAt(0);
  try {
    for (let offset = 0; ahead; offset += size) {
      const { bytesRead, buffer } = await ahead;
      ahead = bytesRead === size ? readAt(offset + size) : undefined;
      if (bytesRead > 0) yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await ahead?.catch(() => undefined);
  }
}
