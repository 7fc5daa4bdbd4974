import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  createReadStream,
  createWriteStream,
  existsSync,
  fchmodSync,
  fchownSync,
  fdatasync,
  fstatSync,
  ftruncateSync,
  lchownSync,
  lstatSync,
  open,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  unlinkSync,
  watch,
  writeFileSync,
} from 'node:fs';
import * as fs from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import { removeDevices } from './settle-tree.js';
import { removeSmallTree } from './small-trees.js';
import { FS_TOPDIR_FL, addInodeFlags, exchange, mknod } from './syscalls.js';

export type FileKind = 'file' | 'directory' | 'symlink' | 'other';

/** Of the thing itself, never of what a symlink points to. */
export interface FileStat {
  kind: FileKind;
  /** Permission bits only, 0o7777. */
  mode: number;
  uid: number;
  gid: number;
  size: number;
  mtimeMs: number;
}

export interface DeviceNumber {
  kind: 'char' | 'block';
  major: number;
  minor: number;
}

export interface Ownership {
  mode?: number;
  uid?: number;
  gid?: number;
}

/**
 * The host's own files. Paths are absolute and trusted: files inside instances are reached through `instances/files`. Short calls on
 * names and small files run on the caller's thread: handing one to another thread costs ten times what the call itself does. What
 * waits for a disk or walks a tree does not.
 */
export interface Files {
  read(path: string): Promise<Buffer>;
  readText(path: string): Promise<string>;
  /** Atomically: readers see the old content or the new, also after a crash. */
  write(path: string, content: string | Uint8Array, ownership?: Ownership): Promise<void>;
  /** As `write`, but not synced: after a power failure the file may be empty or as it was before. */
  replace(path: string, content: string | Uint8Array, ownership?: Ownership): Promise<void>;
  /** Not atomic and not synced: for what is written again before it is read after a crash. */
  writePlain(path: string, content: string | Uint8Array, ownership?: Ownership): Promise<void>;
  /** Writes in place, for files that are not storage (sysfs, procfs, cgroupfs). */
  writeControl(path: string, value: string): Promise<void>;
  /** All of it or nothing: what a full disk cuts short is taken back. One writer at a time. */
  append(path: string, content: string | Uint8Array): Promise<void>;
  readStream(path: string, range?: { start?: number; end?: number }): Readable;
  /** The file in large pieces. A piece is good until the next one is asked for: its memory is used again, which spares the collector gigabytes. */
  readChunks(path: string): AsyncIterable<Buffer>;
  writeStream(path: string, ownership?: Ownership): Writable;
  /** Returns once the file, or the directory with its names, will survive a power failure. */
  sync(path: string): Promise<void>;
  exists(path: string): Promise<boolean>;
  /** Undefined when there is nothing at the path. */
  stat(path: string): Promise<FileStat | undefined>;
  /** With its parents; a directory that exists already is fine and keeps its ownership. */
  mkdir(path: string, ownership?: Ownership): Promise<void>;
  /**
   * Tells the file system that what is made in this directory has nothing to do with each other. ext4 then gives each its own region of the disk;
   * without that it looks for inodes where others were just deleted, and passes over those one by one, a millisecond per file. A hint: others do not mind.
   */
  spread(directory: string): Promise<void>;
  /** Recursively; nothing there is fine. Does not cross into other file systems when told so by `rm` itself: unmount before. */
  remove(path: string): Promise<void>;
  /** As `remove`, but gives up (false, nothing removed) on larger trees and on trees with mounts in them. */
  removeSmallTree(path: string, maxEntries: number): Promise<boolean>;
  /** Of a tree that nobody else changes meanwhile: device nodes go, but for those of overlays (0:0). */
  removeDevices(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Both exist and change places in one step. */
  exchange(first: string, second: string): Promise<void>;
  /** A file of this length that takes no space yet. */
  sparse(path: string, bytes: number, ownership?: Ownership): Promise<void>;
  isBlockDevice(path: string): Promise<boolean>;
  /** What device a node stands for, through symlinks; "none" for anything else, undefined when there is nothing. */
  device(path: string): Promise<DeviceNumber | 'none' | undefined>;
  makeNode(path: string, device: DeviceNumber, ownership: Required<Ownership>): Promise<void>;
  /** Tells that names came or went in a directory, until it is stopped; throws when there is no such directory. */
  watch(directory: string, changed: () => void): { stop(): void };
  chmod(path: string, mode: number): Promise<void>;
  /** Of a symlink itself. */
  chown(path: string, uid: number, gid: number): Promise<void>;
  /** Names, sorted; throws when there is no such directory. */
  readdir(path: string): Promise<string[]>;
  /**
   * Replaces a symlink that is there. Where `home`, a directory of the same file system, is given, the link is made there and moved. ext4 takes
   * a new name's inode from the region of its directory, and without a journal passes over every inode that was deleted there within minutes:
   * a directory whose names come and go by the hundred costs a millisecond for each new one, its neighbours do not.
   */
  symlink(target: string, path: string, home?: string): Promise<void>;
  readlink(path: string): Promise<string>;
  /** The path with all symlinks resolved. */
  realpath(path: string): Promise<string>;
  /** Space of the file system that holds the path; used and free need not make up the total (some is kept for root or for metadata). */
  space(path: string): Promise<{ totalBytes: number; usedBytes: number; freeBytes: number; totalInodes: number; freeInodes: number }>;
}

export const hostFiles: Files = {
  read: async (path) => readFileSync(path),
  readText: async (path) => readFileSync(path, 'utf8'),
  write: (path, content, ownership) => replace(path, content, { ...ownership, synced: true }),
  replace: (path, content, ownership) => replace(path, content, { ...ownership, synced: false }),
  writePlain: async (path, content, ownership) => writeFileSync(path, content, { mode: ownership?.mode ?? 0o600 }),
  writeControl: (path, value) => fs.writeFile(path, value, { flag: 'r+' }),
  async append(path, content) {
    const file = openSync(path, 'a', 0o600);
    try {
      const before = fstatSync(file).size;
      try {
        writeFileSync(file, content);
      } catch (error) {
        ftruncateSync(file, before);
        throw error;
      }
    } finally {
      closeSync(file);
    }
  },
  readStream: (path, range) => createReadStream(path, { ...range, highWaterMark: 1024 * 1024 }),
  readChunks,
  writeStream: (path, ownership) => createWriteStream(path, { mode: ownership?.mode ?? 0o600, highWaterMark: 1024 * 1024 }),
  async sync(path) {
    const file = await fs.open(path, 'r');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  },
  exists: async (path) => (await hostFiles.stat(path)) !== undefined,
  async stat(path) {
    try {
      const stat = lstatSync(path, { throwIfNoEntry: false });
      if (!stat) return undefined;
      const kind = stat.isFile() ? 'file' : stat.isDirectory() ? 'directory' : stat.isSymbolicLink() ? 'symlink' : 'other';
      return { kind, mode: stat.mode & 0o7777, uid: stat.uid, gid: stat.gid, size: stat.size, mtimeMs: stat.mtimeMs };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  },
  async mkdir(path, ownership = {}) {
    if (existsSync(path)) return;
    try {
      await fs.mkdir(path, { mode: ownership.mode ?? 0o711 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
      if (!isMissing(error)) throw error;
      await hostFiles.mkdir(dirname(path));
      return hostFiles.mkdir(path, ownership);
    }
    // What the owner may is not subject to the umask.
    if (((ownership.mode ?? 0) & 0o077) !== 0) chmodSync(path, ownership.mode!);
    if (ownership.uid !== undefined || ownership.gid !== undefined) chownSync(path, ownership.uid ?? 0, ownership.gid ?? 0);
  },
  async spread(directory) {
    const descriptor = openSync(directory, 'r');
    try {
      addInodeFlags(descriptor, FS_TOPDIR_FL);
    } catch {
      // A file system that has no such hint, or that needs none.
    } finally {
      closeSync(descriptor);
    }
  },
  removeSmallTree,
  removeDevices,
  async remove(path) {
    if (!(await removeSmallTree(path, smallTree))) await fs.rm(path, { recursive: true, force: true, maxRetries: 2 });
  },
  rename: async (from, to) => renameSync(from, to),
  exchange: async (first, second) => exchange(first, second),
  async sparse(path, bytes, ownership = {}) {
    const file = await fs.open(path, 'wx', ownership.mode ?? 0o600);
    try {
      await file.truncate(bytes);
    } finally {
      await file.close();
    }
  },
  isBlockDevice: (path) =>
    fs.stat(path).then(
      (stat) => stat.isBlockDevice(),
      () => false,
    ),
  async device(path) {
    try {
      const stat = await fs.stat(path);
      if (!stat.isCharacterDevice() && !stat.isBlockDevice()) return 'none';
      return { kind: stat.isBlockDevice() ? 'block' : 'char', ...deviceNumber(stat.rdev) };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  },
  async makeNode(path, { kind, major, minor }, { mode, uid, gid }) {
    await fs.rm(path, { force: true });
    mknod(path, kind, major, minor);
    await fs.chown(path, uid, gid);
    await fs.chmod(path, mode);
  },
  watch(directory, changed) {
    const watcher = watch(directory, { persistent: false }, changed);
    watcher.on('error', () => watcher.close());
    return { stop: () => watcher.close() };
  },
  chmod: async (path, mode) => chmodSync(path, mode),
  chown: async (path, uid, gid) => lchownSync(path, uid, gid),
  readdir: async (path) => readdirSync(path).sort(),
  async symlink(target, path, home) {
    if (home !== undefined && (await moveSymlink(target, join(home, '.link.tmp'), path))) return;
    try {
      return await fs.symlink(target, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    await moveSymlink(target, `${path}.tmp`, path);
  },
  readlink: async (path) => readlinkSync(path),
  realpath: (path) => fs.realpath(path),
  async space(path) {
    const stat = await fs.statfs(path);
    return { totalBytes: stat.blocks * stat.bsize, usedBytes: (stat.blocks - stat.bfree) * stat.bsize, freeBytes: stat.bavail * stat.bsize, totalInodes: stat.files, freeInodes: stat.ffree };
  },
};

/**
 * Makes a symlink beside and moves it to its path. False, with nothing left, where it cannot be moved there. What a crash left between the two
 * has the same name: whoever makes the link again takes it away.
 */
async function moveSymlink(target: string, temporary: string, path: string): Promise<boolean> {
  if (lstatSync(dirname(temporary)).dev !== lstatSync(dirname(path)).dev) return false;
  await fs.symlink(target, temporary).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
    unlinkSync(temporary);
    await fs.symlink(target, temporary);
  });
  try {
    renameSync(temporary, path);
    return true;
  } catch (error) {
    unlinkSync(temporary);
    if ((error as NodeJS.ErrnoException).code === 'EXDEV') return false;
    throw error;
  }
}

/** As the C library takes a device's number apart. */
export function deviceNumber(rdev: number): { major: number; minor: number } {
  const number = BigInt(rdev);
  return { major: Number(((number >> 8n) & 0xfffn) | ((number >> 32n) & ~0xfffn)), minor: Number((number & 0xffn) | ((number >> 12n) & 0xffffff00n)) };
}

export function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

const dataSync = promisify(fdatasync);
/** New inodes are found slowly where others were deleted a moment before: not on the caller's thread. */
const create = promisify(open);

async function replace(path: string, content: string | Uint8Array, { mode, uid, gid, synced }: Ownership & { synced: boolean }): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = await create(temporary, 'wx', mode ?? 0o600);
    try {
      if (mode !== undefined) fchmodSync(file, mode);
      if (uid !== undefined || gid !== undefined) fchownSync(file, uid ?? 0, gid ?? 0);
      writeFileSync(file, content);
      if (synced) await dataSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Up to so many entries a tree is removed without another thread. */
const smallTree = 64;

const chunkBytes = 1024 * 1024;

/** Reads one piece ahead while the other is being used. */
async function* readChunks(path: string): AsyncGenerator<Buffer> {
  const file = await fs.open(path, 'r');
  const buffers = [Buffer.allocUnsafeSlow(chunkBytes), Buffer.allocUnsafeSlow(chunkBytes)] as const;
  let ahead = file.read(buffers[0], 0, chunkBytes);
  try {
    for (let turn = 0; ; turn ^= 1) {
      const { bytesRead, buffer } = await ahead;
      if (bytesRead === 0) return;
      ahead = file.read(buffers[turn === 0 ? 1 : 0], 0, chunkBytes);
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await ahead.catch(() => undefined);
    await file.close();
  }
}
