import { constants } from 'node:os';
import { ioctlNow } from '../syscalls.js';
import { handlePrograms } from './device-programs.js';
import { makeNode } from './make-node.js';
import { mountFileSystem } from './mount-file-system.js';
import type { Notification, Verdict } from './notification.js';
import type { InterceptionPolicy } from './policy.js';
import { setAttribute } from './set-attribute.js';
import { callName, type CallName } from './system-calls.js';
import { readTask, type Task } from './task.js';

const SECCOMP_IOCTL_NOTIF_ID_VALID = 0x40082102;

/** The descriptors that come with a notification, in this order. */
export interface Descriptors {
  /** The thread's directory of /proc. */
  directory: number;
  memory: number;
  /** The kernel's end of the notification. */
  listener: number;
}

/** A call under way, and what is known of who makes it. */
export interface InterceptedCall extends Descriptors {
  notification: Notification;
  policy: InterceptionPolicy;
  /** A directory of the host's, for what lies there for a moment. */
  scratch: string;
  /** Throws unless the thread still waits in this call: until then, whatever was opened or read by its pid may be another's. */
  confirm(): void;
  /** Undefined where the thread is in a user namespace of its own, whose rights mean nothing outside. */
  task(): Task | undefined;
}

const handlers: Readonly<Record<CallName, (call: InterceptedCall) => Verdict>> = {
  mknod: (call) => makeNode(call, false),
  mknodat: (call) => makeNode(call, true),
  setxattr: setAttribute,
  mount: mountFileSystem,
  bpf: handlePrograms,
};

/** Decides on a call and does it where that is allowed. Whatever is not understood is left to the kernel, which knows the guest's own rights. */
export function handleCall(notification: Notification, descriptors: Descriptors, policy: InterceptionPolicy, scratch: string): Verdict {
  const name = callName(notification.architecture, notification.number);
  const handler = name && handlers[name];
  if (!handler) return 'continue';
  const confirm = (): void => {
    const id = Buffer.alloc(8);
    id.writeBigUInt64LE(notification.id);
    ioctlNow(descriptors.listener, SECCOMP_IOCTL_NOTIF_ID_VALID, id, 'seccomp');
  };
  const call: InterceptedCall = {
    ...descriptors,
    notification,
    policy,
    scratch,
    confirm,
    task() {
      const task = readTask(descriptors.directory, notification.initPid);
      confirm();
      return task;
    },
  };
  try {
    return handler(call);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code !== undefined && code in constants.errno ? { error: code as keyof typeof constants.errno } : 'continue';
  }
}
