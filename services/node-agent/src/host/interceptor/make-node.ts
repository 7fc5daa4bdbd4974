import { chmodSync, chownSync, closeSync, constants, fstatSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import koffi from 'koffi';
import { cloneMount, mknod } from '../syscalls.js';
import { belongsInside } from './ids.js';
import { attachTo, atPlaceOf, check, isDenied, openDirectory, openHere, withOnly } from './guest-place.js';
import { deviceNumber, mayMakeNode } from './mknod.js';
import type { Verdict } from './notification.js';
import type { InterceptedCall } from './intercepted-call.js';
import { CAP, closeAll, openOf, readString, type Task } from './task.js';

const libc = koffi.load('libc.so.6');
const unlinkat = libc.func('int unlinkat(int directory, void *path, int flags)');
const mknodat = libc.func('int mknodat(int directory, void *path, unsigned int mode, unsigned long device)');

const AT_FDCWD = 0xffffff9c;
const PATH_MAX = 4096;
const whiteout = 0n;
const probeFlags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/** mknod(path, mode, device) and mknodat(directory, path, mode, device). */
export function makeNode(call: InterceptedCall, hasDirectory: boolean): Verdict {
  const args = hasDirectory ? call.notification.args.slice(1) : call.notification.args;
  const [mode, device] = [Number(args[1]! & 0xffffn), args[2]! & 0xffffffffn];
  if (!call.policy.mknod || !mayMakeNode(mode, device)) return 'continue';
  const path = readString(call.memory, args[0]!, PATH_MAX);
  const task = call.task();
  if (!path || path.endsWith('/') || !task || (task.capabilities & CAP.mknod) === 0n) return 'continue';
  const directory = hasDirectory ? Number(call.notification.args[0]! & 0xffffffffn) : AT_FDCWD;
  const opened = directory === AT_FDCWD || path.startsWith('/') ? [] : openedBy(call, directory);
  if (!opened) return 'continue';
  try {
    return makeIn(call, task, { path, mode, device, from: opened[0] });
  } finally {
    closeAll(opened);
  }
}

/** Undefined where it is no directory. */
function openedBy(call: InterceptedCall, directory: number): number[] | undefined {
  try {
    return [openOf(call.directory, `fd/${directory}`)];
  } catch {
    return undefined;
  }
}

interface Node {
  path: string;
  mode: number;
  device: bigint;
  /** What the path is relative to, unless it is the working directory. */
  from: number | undefined;
}

/** Where nodes of devices cannot be opened, as in a tmpfs of the guest's own, one of the host's is shown in place of it. */
function makeIn(call: InterceptedCall, task: Task, node: Node): Verdict {
  const isUsable = inParent(call, task, node, (directory, name, rights) => {
    withOnly(CAP.mknod | rights, () => check('mknodat', mknodat(directory, bytes(name), node.mode, Number(node.device)) as number));
    if (node.device === whiteout || canBeOpened(directory, name)) return true;
    withOnly(rights, () => check('unlinkat', unlinkat(directory, bytes(name), 0) as number));
    return false;
  });
  if (isUsable) return { value: 0 };
  return showHostNode(call, task, node, (tree) =>
    inParent(call, task, node, (directory, name, rights) => {
      const file = withOnly(rights, () => openHere(name, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, directory));
      try {
        withOnly(CAP.sysAdmin, () => attachTo(tree, file));
        return { value: 0 };
      } finally {
        closeSync(file);
      }
    }),
  );
}

/** @param body is given the directory and the name in it, and the task's rights over it beyond those of its user */
function inParent<T>(call: InterceptedCall, task: Task, node: Node, body: (directory: number, name: string, rights: bigint) => T): T {
  const cut = node.path.lastIndexOf('/');
  const [parent, name] = cut < 0 ? ['.', node.path] : [node.path.slice(0, cut) || '/', node.path.slice(cut + 1)];
  return atPlaceOf(call.directory, task, call.confirm, () => {
    const directory = openDirectory(parent, task, CAP.dacOverride | CAP.dacReadSearch, node.from);
    try {
      return body(directory, name, belongsInside(call.policy.idmap, fstatSync(directory)) ? task.capabilities & CAP.dacOverride : 0n);
    } finally {
      closeSync(directory);
    }
  });
}

function canBeOpened(directory: number, name: string): boolean {
  try {
    closeSync(withOnly(CAP.dacOverride, () => openHere(name, probeFlags, directory)));
    return true;
  } catch (error) {
    return !isDenied(error);
  }
}

/** @param show is given a mount of a node with the owner and mode that the guest wants; the name of that node goes, the node stays with its mount */
function showHostNode(call: InterceptedCall, task: Task, { mode, device }: Node, show: (tree: number) => Verdict): Verdict {
  const path = join(call.scratch, `.node-${call.notification.id}`);
  const { major, minor } = deviceNumber(device);
  mknod(path, 'char', major, minor);
  try {
    chownSync(path, task.uid, task.gid);
    chmodSync(path, mode & 0o7777 & ~task.umask);
    const tree = cloneMount(path, false);
    try {
      return show(tree);
    } finally {
      closeSync(tree);
    }
  } finally {
    unlinkSync(path);
  }
}

function bytes(path: string): Buffer {
  return Buffer.from(`${path}\0`, 'latin1');
}
