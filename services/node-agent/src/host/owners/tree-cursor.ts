import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, statfsSync, type Stats } from 'node:fs';
import { ioctlNow } from '../syscalls.js';

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
const SUBVOL_GETFLAGS = 0x80089419;
const SUBVOL_SETFLAGS = 0x4008941a;
const SUBVOL_RDONLY = 2;
const START_SYNC = 0x80089418;
const WAIT_SYNC = 0x40089416;
const SUBVOLUME_INODE = 256;
const BTRFS_SUPER_MAGIC = 0x9123683e;

/**
 * A place in a tree, held by open directories: each name is looked up in the directory above it and never followed, so that no symlink leads away.
 * Names are bytes in latin1, whatever their encoding.
 */
export class TreeCursor {
  readonly #open: number[];

  constructor(root: string) {
    this.#open = [openSync(root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)];
  }

  get directory(): number {
    return this.#open.at(-1)!;
  }

  /** A path of an entry of this directory for system calls that know no directories; "." is the directory itself. Ends in a zero byte for `zero`. */
  path(name: string, zero = false): Buffer {
    return Buffer.from(`/proc/self/fd/${this.directory}/${name}${zero ? '\0' : ''}`, 'latin1');
  }

  stat(name: string): Stats {
    return lstatSync(this.path(name));
  }

  here(): Stats {
    return fstatSync(this.directory);
  }

  enter(name: string): void {
    this.#open.push(openSync(this.path(name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  }

  leave(): void {
    closeSync(this.#open.pop()!);
  }

  /**
   * Whatever is synced from now on comes to the disk after what was changed here. File systems with a journal keep that order themselves; btrfs
   * may sync single files before the rest, so what it has gathered is committed. (syncfs would wait for the data of everybody.)
   */
  commit(): void {
    const directory = this.#open[0];
    if (directory === undefined || statfsSync(`/proc/self/fd/${directory}/.`).type !== BTRFS_SUPER_MAGIC) return;
    const transaction = Buffer.alloc(8);
    ioctlNow(directory, START_SYNC, transaction, 'btrfs');
    ioctlNow(directory, WAIT_SYNC, transaction, 'btrfs');
  }

  close(): void {
    while (this.#open.length > 0) this.leave();
  }

  /** Whether this directory is a subvolume of btrfs beside the one above it. */
  isSubvolume(): boolean {
    return this.here().ino === SUBVOLUME_INODE && statfsSync(this.path('.')).type === BTRFS_SUPER_MAGIC;
  }

  isReadonlySubvolume(): boolean {
    const flags = Buffer.alloc(8);
    ioctlNow(this.directory, SUBVOL_GETFLAGS, flags, 'subvolume');
    return (flags.readUInt32LE() & SUBVOL_RDONLY) !== 0;
  }

  setReadonlySubvolume(readonly: boolean): void {
    const flags = Buffer.alloc(8);
    ioctlNow(this.directory, SUBVOL_GETFLAGS, flags, 'subvolume');
    flags.writeUInt32LE(((flags.readUInt32LE() & ~SUBVOL_RDONLY) | (readonly ? SUBVOL_RDONLY : 0)) >>> 0);
    ioctlNow(this.directory, SUBVOL_SETFLAGS, flags, 'subvolume');
  }
}

/** The lines of a file of any size; bytes as latin1. */
export function* linesOf(file: number): Generator<string> {
  const piece = Buffer.alloc(1024 * 1024);
  let rest = '';
  for (let at = 0; ; ) {
    const read = readSync(file, piece, 0, piece.length, at);
    if (read === 0) break;
    at += read;
    const lines = (rest + piece.toString('latin1', 0, read)).split('\n');
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== '') yield rest;
}

/** As one that was changed would lose them: the bits that a change of owner takes. */
export function hasOwnerBits(stat: Stats): boolean {
  return !stat.isSymbolicLink() && (stat.mode & 0o6000) !== 0;
}
