import { closeSync, openSync, readSync } from 'node:fs';

const buffer = Buffer.allocUnsafeSlow(16 * 1024);

/**
 * A file that the kernel makes up when it is read (procfs, sysfs, cgroupfs), without leaving the thread: a hop to the pool costs ten times the
 * reading. Only for files that neither wait for a disk nor for a lock that is held long. Undefined when there is none.
 */
export function readKernelFile(path: string): string | undefined {
  const file = openKernelFile(path);
  try {
    return file?.read();
  } finally {
    file?.close();
  }
}

/** One that is read again and again; undefined when there is none. */
export function openKernelFile(path: string): KernelFile | undefined {
  try {
    return new KernelFile(openSync(path, 'r'));
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

export class KernelFile {
  constructor(private readonly descriptor: number) {}

  /** What it says now; undefined once what it spoke of is gone. */
  read(): string | undefined {
    try {
      let text = '';
      let read: number;
      while ((read = readSync(this.descriptor, buffer, 0, buffer.length, text.length)) > 0) text += buffer.toString('latin1', 0, read);
      return text;
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    }
  }

  close(): void {
    closeSync(this.descriptor);
  }
}

/** ENODEV: the group or the device went away while its file was open. */
function isGone(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ENODEV', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '');
}
