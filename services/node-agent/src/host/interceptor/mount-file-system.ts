import { spawnSync } from 'node:child_process';
import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import koffi from 'koffi';
import { MOUNT_ATTR, setMountAttributes } from '../syscalls.js';
import { atPlaceOf, attachTo, check, isDenied, O_PATH, openHere, withOnly } from './guest-place.js';
import type { InterceptedCall } from './intercepted-call.js';
import { decideMount, deviceTypes, hugepageOptions, type MountDecision, type MountWish } from './mount-wish.js';
import type { Verdict } from './notification.js';
import type { MountPolicy } from './policy.js';
import { CAP, openOf, readString, type Task } from './task.js';

const libc = koffi.load('libc.so.6');
const calls = {
  fsopen: libc.func('syscall', 'long', ['long', 'str', 'uint']),
  fsconfig: libc.func('syscall', 'long', ['long', 'int', 'uint', 'str', 'void *', 'int']),
  fsmount: libc.func('syscall', 'long', ['long', 'int', 'uint', 'uint']),
};

const SYS = { fsopen: 430, fsconfig: 431, fsmount: 432 };
const FSCONFIG = { setFlag: 0, setString: 1, create: 6 };
const CLOEXEC = 1;
const PATH_MAX = 4096;
const programTimeoutMs = 8000;

/** Joins the control groups before "--" and becomes the command after it. */
const joinAndRun = 'while [ "$1" != -- ]; do echo 0 > "$1/cgroup.procs" || exit 126; shift; done; shift; exec "$@"';

type ByKernel = Extract<MountDecision, { by: 'device' | 'place' }>;

/** mount(source, target, type, flags, data) */
export function mountFileSystem(call: InterceptedCall): Verdict {
  const { mount: policy } = call.policy;
  const [sourceAt = 0n, targetAt = 0n, typeAt = 0n, flags = 0n, dataAt = 0n] = call.notification.args;
  if (!policy) return 'continue';
  const text = (address: bigint): string | undefined => (address === 0n ? '' : readString(call.memory, address, PATH_MAX));
  const [source, target, type, data] = [text(sourceAt), text(targetAt), text(typeAt), text(dataAt)];
  if (source === undefined || !target || !type || data === undefined || flags >> 32n !== 0n) return 'continue';
  const wish: MountWish = { source, target, type, flags: Number(flags), data };
  const decision = decideMount(wish, policy, deviceTypes(readFileSync('/proc/filesystems', 'latin1')));
  if (decision === 'continue') return 'continue';
  const task = call.task();
  if (!task || (task.capabilities & CAP.sysAdmin) === 0n) return 'continue';
  if (decision.by === 'program') return runProgram(call, task, wish, decision);
  const tree = decision.by === 'device' ? fromDevice(call, task, policy, wish, decision) : wish.type === 'hugetlbfs' ? hugepages(call, task, wish, decision) : fromPlace(call, task, wish, decision);
  if (tree === undefined) return 'continue';
  try {
    if (policy.shift) showWithIdsOf(call.notification.initPid, tree);
    attach(call, task, wish.target, tree);
    return { value: 0 };
  } finally {
    closeSync(tree);
  }
}

/** The node is opened with the caller's rights; what is mounted is the instance's own device of that number, by a path that no guest can change. */
function fromDevice(call: InterceptedCall, task: Task, policy: MountPolicy, wish: MountWish, decision: ByKernel): number | undefined {
  const mode = (decision.attributes & MOUNT_ATTR.rdonly) !== 0 ? constants.O_RDONLY : constants.O_RDWR;
  const device = atPlaceOf(call.directory, task, call.confirm, () => {
    const node = openWith(task.capabilities & CAP.dacOverride, () => openHere(wish.source, mode | constants.O_NONBLOCK | constants.O_NOCTTY));
    try {
      const facts = fstatSync(node);
      return facts.isBlockDevice() ? facts.rdev : undefined;
    } finally {
      closeSync(node);
    }
  });
  const path = device === undefined ? undefined : ownDevice(policy.devices, device);
  return path === undefined ? undefined : made(wish.type, [`source=${path}`, ...decision.options], decision.attributes);
}

/** The path on the host of an instance's block device. */
function ownDevice(directory: string, device: number): string | undefined {
  const entries = readdirSync(directory, { withFileTypes: true });
  const paths = entries.flatMap((entry) => (entry.isDirectory() ? readdirSync(join(directory, entry.name)).map((name) => join(directory, entry.name, name)) : [join(directory, entry.name)]));
  return paths.find((path) => {
    const facts = lstatSync(path);
    return facts.isBlockDevice() && facts.rdev === device;
  });
}

function hugepages(call: InterceptedCall, task: Task, { type }: MountWish, decision: ByKernel): number | undefined {
  const options = hugepageOptions(decision.options, call.policy.idmap, task);
  return options && made(type, options, decision.attributes);
}

/** Paths in its options are the guest's. */
function fromPlace(call: InterceptedCall, task: Task, { type, source }: MountWish, decision: ByKernel): number {
  return atPlaceOf(call.directory, task, call.confirm, () => withOnly(CAP.sysAdmin, () => made(type, [...(source ? [`source=${source}`] : []), ...decision.options], decision.attributes)));
}

/** A file system that is mounted nowhere yet. */
function made(type: string, options: readonly string[], attributes: number): number {
  const context = check('fsopen', Number(calls.fsopen(SYS.fsopen, type, CLOEXEC)));
  try {
    for (const option of options) {
      const cut = option.indexOf('=');
      const [command, key, value] = cut < 0 ? [FSCONFIG.setFlag, option, null] : [FSCONFIG.setString, option.slice(0, cut), Buffer.from(`${option.slice(cut + 1)}\0`, 'latin1')];
      check('fsconfig', Number(calls.fsconfig(SYS.fsconfig, context, command, key, value, 0)));
    }
    check('fsconfig', Number(calls.fsconfig(SYS.fsconfig, context, FSCONFIG.create, null, null, 0)));
    return check('fsmount', Number(calls.fsmount(SYS.fsmount, context, CLOEXEC, attributes)));
  } finally {
    closeSync(context);
  }
}

function showWithIdsOf(pid: number, tree: number): void {
  const userNamespace = openSync(`/proc/${pid}/ns/user`, 'r');
  try {
    setMountAttributes(tree, MOUNT_ATTR.idmap, false, userNamespace);
  } finally {
    closeSync(userNamespace);
  }
}

function attach(call: InterceptedCall, task: Task, target: string, tree: number): void {
  atPlaceOf(call.directory, task, call.confirm, () => {
    const place = openWith(task.capabilities & (CAP.dacOverride | CAP.dacReadSearch), () => openHere(target, O_PATH));
    try {
      withOnly(CAP.sysAdmin, () => attachTo(tree, place));
    } finally {
      closeSync(place);
    }
  });
}

function openWith(rights: bigint, open: () => number): number {
  try {
    return withOnly(0n, open);
  } catch (error) {
    if (!isDenied(error) || rights === 0n) throw error;
    return withOnly(rights, open);
  }
}

/** mount.fuse of the guest, in its namespaces and control groups, with the rights of its root in them and nothing of the host's. */
function runProgram(call: InterceptedCall, task: Task, { source, target }: MountWish, { program, options }: Extract<MountDecision, { by: 'program' }>): Verdict {
  const root = call.policy.idmap.find((range) => range.isUid && range.nsId === 0)?.hostId;
  if (task.uid !== root) return 'continue';
  const places = ['ns/user', 'ns/mnt', 'ns/pid', 'ns/net', 'ns/ipc', 'ns/uts', 'ns/cgroup', 'root', 'cwd'];
  const opened = places.map((place) => openOf(call.directory, place, place.startsWith('ns/') ? constants.O_RDONLY : constants.O_RDONLY | constants.O_DIRECTORY));
  try {
    call.confirm();
    const at = (index: number): string => `/proc/self/fd/${index + 3}`;
    const enter = ['user', 'mount', 'pid', 'net', 'ipc', 'uts', 'cgroup', 'root', 'wd'].map((kind, index) => `--${kind}=${at(index)}`);
    const mount = ['mount.fuse', `${program}#${source}`, target, ...(options ? ['-o', options] : [])];
    const argv = ['-c', joinAndRun, 'sh', ...call.policy.mount!.cgroups, '--', 'nsenter', ...enter, '--', ...mount];
    const { status } = spawnSync('/bin/sh', argv, {
      stdio: ['ignore', 'ignore', 'ignore', ...opened],
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
      timeout: programTimeoutMs,
      killSignal: 'SIGKILL',
    });
    return status === 0 ? { value: 0 } : { error: 'EPERM' };
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}
