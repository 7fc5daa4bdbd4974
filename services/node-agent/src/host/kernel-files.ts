import { closeSync, openSync, readSync } from 'node:fs';

const buffer = Buffer.allocUnsafeSlow(16 * 1024);

/**
 * A file that the kernel makes up when it is read (procfs, sysfs, cgroupfs), without leaving the thread: a hop to the pool costs ten times the
 * reading. Only for files that neither wait for a disk nor for a lock that is held long. Undefined when there is none.
 */
export function readKernelFile(path: string): string | undefined {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
  try {
    let text = '';
    for (let read = readSync(file, buffer); read > 0; read = readSync(file, buffer)) text += buffer.toString('latin1', 0, read);
    return text;
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  } finally {
    closeSync(file);
  }
}

/** ENODEV: the group or the device went away while its file was open. */
function isGone(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ENODEV', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '');
}
