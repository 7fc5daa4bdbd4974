import { lstatSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';

/** Removed in one turn of the event loop. */
const batch = 16;

/**
 * Removes a directory tree of at most `maxEntries` entries on one file system, without a process. False, with nothing removed, when it is
 * larger or something is mounted in it; nothing there counts as removed.
 */
export async function removeSmallTree(path: string, maxEntries: number): Promise<boolean> {
  const top = lstatSync(path, { throwIfNoEntry: false });
  if (!top) return true;
  const found: { path: string; isDirectory: boolean }[] = [];
  const collect = (directory: string): boolean => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (found.length >= maxEntries) return false;
      const child = join(directory, entry.name);
      if (entry.isDirectory() && (lstatSync(child).dev !== top.dev || !collect(child))) return false;
      found.push({ path: child, isDirectory: entry.isDirectory() });
    }
    return true;
  };
  if (top.isDirectory() && !collect(path)) return false;
  for (const [index, entry] of [...found, { path, isDirectory: top.isDirectory() }].entries()) {
    if (index > 0 && index % batch === 0) await turn();
    ignoringMissing(() => (entry.isDirectory ? rmdirSync(entry.path) : unlinkSync(entry.path)));
  }
  return true;
}

function ignoringMissing(work: () => void): void {
  try {
    work();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
