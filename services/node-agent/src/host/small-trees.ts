import { lstat, readdir, rmdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Removes a directory tree of at most `maxEntries` entries on one file system, without a process. False, with nothing removed, when it is
 * larger or something is mounted in it; nothing there counts as removed.
 */
export async function removeSmallTree(path: string, maxEntries: number): Promise<boolean> {
  const found: { path: string; isDirectory: boolean }[] = [];
  const top = await lstat(path).catch(missing);
  if (!top) return true;
  const collect = async (directory: string): Promise<boolean> => {
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      if (found.length >= maxEntries) return false;
      const child = join(directory, entry.name);
      if (entry.isDirectory() && ((await lstat(child)).dev !== top.dev || !(await collect(child)))) return false;
      found.push({ path: child, isDirectory: entry.isDirectory() });
    }
    return true;
  };
  if (top.isDirectory() && !(await collect(path))) return false;
  for (const entry of [...found, { path, isDirectory: top.isDirectory() }]) {
    await (entry.isDirectory ? rmdir(entry.path) : unlink(entry.path)).catch(missing);
  }
  return true;
}

function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
