import * as fs from 'node:fs';
import { openInRoot, setFileOwner } from './syscalls.js';

/**
 * A guest's files from where its own path walks cannot lead astray: `root` is the host's path of the guest's "/"
 * (/proc/<pid>/root of a running instance, the volume's rootfs of a stopped one). `owner` is who "root" of the guest is
 * for files made there.
 */
export interface GuestRoot {
  root: string;
  owner: { uid: number; gid: number };
}

export interface FileFacts {
  type: 'file' | 'directory' | 'symlink' | 'other';
  /** Permission bits. */
  mode: number;
  /** As the host sees them. */
  uid: number;
  gid: number;
  sizeBytes: number;
  modifiedMs: number;
}

export type GuestRequest =
  | { op: 'open-read'; path: string }
  | { op: 'open-write'; path: string; append: boolean; mode?: number; uid?: number; gid?: number }
  | { op: 'make-directory'; path: string; mode?: number; uid?: number; gid?: number }
  | { op: 'make-symlink'; path: string; target: string; uid?: number; gid?: number }
  | { op: 'remove'; path: string };

/** `fd` belongs to the whole process: whoever receives it closes it. `created` tells whether the path is new. */
export interface GuestAnswer {
  facts?: FileFacts;
  entries?: string[];
  fd?: number;
  created?: boolean;
}

const { O_CREAT, O_DIRECTORY, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY, O_APPEND } = fs.constants;
const O_PATH = 0o10000000;

/** Synchronous on purpose: it runs in a thread of its own, which is given up when the guest makes it hang. */
export function performGuestRequest(guest: GuestRoot, request: GuestRequest): GuestAnswer {
  const root = fs.openSync(guest.root, O_PATH | O_DIRECTORY);
  try {
    setFileOwner(guest.owner.uid, guest.owner.gid);
    return perform(root, request);
  } finally {
    setFileOwner(0, 0);
    fs.closeSync(root);
  }
}

function perform(root: number, request: GuestRequest): GuestAnswer {
  switch (request.op) {
    case 'open-read':
      return openRead(root, request.path);
    case 'open-write':
      return openWrite(root, request);
    case 'make-directory':
      return atParent(root, request.path, (path) => makeDirectory(path, request));
    case 'make-symlink':
      return atParent(root, request.path, (path) => {
        fs.symlinkSync(request.target, path);
        own(request, (uid, gid) => fs.lchownSync(path, uid, gid));
        return { created: true };
      });
    case 'remove':
      return atParent(root, request.path, (path) => {
        if (fs.lstatSync(path).isDirectory()) fs.rmdirSync(path);
        else fs.unlinkSync(path);
        return {};
      });
  }
}

function openRead(root: number, path: string): GuestAnswer {
  const seen = openInRoot(root, path, O_PATH | O_NOFOLLOW);
  try {
    const facts = factsOf(fs.fstatSync(seen));
    if (facts.type === 'directory') return { facts, entries: fs.readdirSync(`/proc/self/fd/${seen}`) };
    if (facts.type === 'symlink') return { facts, ...atParent(root, path, (link) => ({ entries: [fs.readlinkSync(link)] })) };
    if (facts.type === 'other') return { facts };
  } finally {
    fs.closeSync(seen);
  }
  const fd = openInRoot(root, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  const facts = factsOf(fs.fstatSync(fd));
  if (facts.type === 'file') return { facts, fd };
  fs.closeSync(fd);
  return { facts };
}

function openWrite(root: number, request: Extract<GuestRequest, { op: 'open-write' }>): GuestAnswer {
  const flags = O_WRONLY | O_NONBLOCK | O_NOCTTY | (request.append ? O_APPEND : 0);
  let created = false;
  let fd: number;
  try {
    fd = openInRoot(root, request.path, flags);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    fd = openInRoot(root, request.path, flags | O_CREAT, 0o600);
    created = true;
  }
  try {
    const facts = factsOf(fs.fstatSync(fd));
    if (facts.type !== 'file') throw Object.assign(new Error('not a regular file'), { code: 'EINVAL' });
    if (!request.append) fs.ftruncateSync(fd, 0);
    const mode = request.mode ?? (created ? 0o644 : undefined);
    if (request.uid !== undefined || request.gid !== undefined) fs.fchownSync(fd, request.uid ?? facts.uid, request.gid ?? facts.gid);
    if (mode !== undefined) fs.fchmodSync(fd, mode);
    return { facts, fd, created };
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
}

function makeDirectory(path: string, request: Extract<GuestRequest, { op: 'make-directory' }>): GuestAnswer {
  let created = true;
  try {
    fs.mkdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !fs.lstatSync(path).isDirectory()) throw error;
    created = false;
  }
  const fd = fs.openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    own(request, (uid, gid) => fs.fchownSync(fd, uid, gid));
    // What a directory gets that is pushed without a mode, as with LXD.
    const mode = request.mode ?? (created ? 0o750 : undefined);
    if (mode !== undefined) fs.fchmodSync(fd, mode);
  } finally {
    fs.closeSync(fd);
  }
  return { created };
}

/** Hands on a path whose directory is an open descriptor and whose last part is one plain name. */
function atParent<T>(root: number, path: string, work: (path: string) => T): T {
  const trimmed = path.replace(/\/+$/, '');
  const cut = trimmed.lastIndexOf('/');
  const name = trimmed.slice(cut + 1);
  if (name === '' || name === '.' || name === '..') throw Object.assign(new Error('not the name of a file'), { code: 'EINVAL' });
  const parent = openInRoot(root, trimmed.slice(0, cut) || '/', O_PATH | O_DIRECTORY);
  try {
    return work(`/proc/self/fd/${parent}/${name}`);
  } finally {
    fs.closeSync(parent);
  }
}

function own(request: { uid?: number; gid?: number }, change: (uid: number, gid: number) => void): void {
  if (request.uid !== undefined || request.gid !== undefined) change(request.uid ?? -1, request.gid ?? -1);
}

function factsOf(stat: fs.Stats): FileFacts {
  const type = stat.isFile() ? 'file' : stat.isDirectory() ? 'directory' : stat.isSymbolicLink() ? 'symlink' : 'other';
  return { type, mode: stat.mode & 0o7777, uid: stat.uid, gid: stat.gid, sizeBytes: stat.size, modifiedMs: Math.floor(stat.mtimeMs) };
}
