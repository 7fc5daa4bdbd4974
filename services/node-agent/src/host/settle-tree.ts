import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Of a tree that nobody else changes meanwhile: device nodes go, but for the character device 0:0 by which overlays hide files. Links are not followed. */
export async function removeDevices(path: string): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const child = join(path, entry.name);
    if (entry.isDirectory()) await removeDevices(child);
    else if (entry.isBlockDevice() || (entry.isCharacterDevice() && (await lstat(child)).rdev !== 0)) await rm(child);
  }
}
