import { closeSync, constants, fstatSync, openSync, readFileSync, statSync, writeSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { createSealableFile, sealFile } from './syscalls.js';

interface Sealed {
  descriptor: number;
  of: Stats;
}

const copies = new Map<string, Sealed>();

/**
 * A copy of a program in memory that nobody can change, as a path to run. LXC's tools insist on being one, so that a guest they enter cannot
 * overwrite them on the host through /proc/self/exe: each copies itself at every start, and starts again, unless it is one already. Here one copy
 * serves all starts, until the program on disk is another.
 */
export function sealedProgram(name: string): string {
  const { path, stats } = find(name);
  let copy = copies.get(name);
  if (!copy || copy.of.ino !== stats.ino || copy.of.mtimeMs !== stats.mtimeMs || copy.of.size !== stats.size) {
    if (copy) closeSync(copy.descriptor);
    copies.delete(name);
    copy = seal(name, path);
    copies.set(name, copy);
  }
  return `/proc/self/fd/${copy.descriptor}`;
}

function find(name: string): { path: string; stats: Stats } {
  for (const directory of (process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin').split(':')) {
    const path = join(directory, name);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats?.isFile()) return { path, stats };
  }
  throw Object.assign(new Error(`${name} is not installed`), { code: 'ENOENT' });
}

function seal(name: string, path: string): Sealed {
  const source = openSync(path, constants.O_RDONLY);
  const descriptor = createSealableFile(name);
  try {
    const program = readFileSync(source);
    for (let written = 0; written < program.length; ) written += writeSync(descriptor, program, written);
    sealFile(descriptor);
    return { descriptor, of: fstatSync(source) };
  } catch (error) {
    closeSync(descriptor);
    throw error;
  } finally {
    closeSync(source);
  }
}
