import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { parentPort } from 'node:worker_threads';
import type { GuestAnswer } from './guest-threads.js';
import type { GuestMount, GuestRequests, GuestVerb } from './guests.js';
import * as system from './syscalls.js';

system.unshare(system.CLONE_FS);
const hostMounts = fs.openSync('/proc/thread-self/ns/mnt', 'r');

const verbs: { [V in GuestVerb]: (request: GuestRequests[V]['request']) => GuestRequests[V]['answer'] } = {
  mount: mountInto,
  unmount: ({ pid, target }) => inMounts(pid, () => unmountFrom(target)),
};

parentPort!.on('message', ([verb, request]: [GuestVerb, never]) => {
  let message: GuestAnswer;
  try {
    message = { answer: (verbs[verb] as (request: never) => unknown)(request) };
  } catch (error) {
    message = { error: { message: (error as Error).message, code: (error as NodeJS.ErrnoException).code } };
  }
  parentPort!.postMessage(message);
});

function mountInto(request: GuestMount): void {
  const isDirectory = fs.statSync(request.source).isDirectory();
  const recursive = request.recursive ?? false;
  const tree = system.cloneMount(request.source, recursive);
  try {
    if (request.idmapped) {
      const userNamespace = fs.openSync(`/proc/${request.pid}/ns/user`, 'r');
      try {
        system.setMountAttributes(tree, system.MOUNT_ATTR.idmap, recursive, userNamespace);
      } finally {
        fs.closeSync(userNamespace);
      }
    }
    if (request.readonly) system.setMountAttributes(tree, system.MOUNT_ATTR.rdonly, recursive);
    system.setPropagation(tree, request.propagation || 'private');
    inMounts(request.pid, () => {
      if (!fs.existsSync(request.target)) makeTarget(request.target, isDirectory);
      system.attachMount(tree, request.target);
    });
  } finally {
    fs.closeSync(tree);
  }
}

/** Owned by the guest's root, as the mount entries of a start make it. */
function makeTarget(target: string, isDirectory: boolean): void {
  const { uid, gid } = fs.statSync('/');
  system.setFileOwner(uid, gid);
  try {
    fs.mkdirSync(isDirectory ? target : dirname(target), { recursive: true, mode: 0o755 });
    if (!isDirectory) fs.closeSync(fs.openSync(target, 'a', 0o644));
  } finally {
    system.setFileOwner(0, 0);
  }
}

/** The target goes too when it is empty, as in the reference. */
function unmountFrom(target: string): void {
  system.umount2(target, system.MNT_DETACH);
  try {
    const stat = fs.lstatSync(target);
    if (stat.isDirectory()) fs.rmdirSync(target);
    else if (stat.isFile() && stat.size === 0) fs.unlinkSync(target);
  } catch {
    // It stays where something is in it, or something else is mounted there.
  }
}

function inMounts<T>(pid: number, body: () => T): T {
  const namespace = fs.openSync(`/proc/${pid}/ns/mnt`, 'r');
  try {
    system.setns(namespace, system.CLONE_NEWNS);
    return body();
  } finally {
    system.setns(hostMounts, system.CLONE_NEWNS);
    fs.closeSync(namespace);
  }
}
