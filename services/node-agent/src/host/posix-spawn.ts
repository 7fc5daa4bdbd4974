import { closeSync } from 'node:fs';
import { getSystemErrorMessage, getSystemErrorName } from 'node:util';
import koffi from 'koffi';

// Node's own way to start a process forks: the kernel copies the page tables of the whole agent first, 4 to 6 ms in which nothing else is done.
// posix_spawn lends the child the agent's memory until it runs its program, which costs a tenth. It is one C call, so no JavaScript runs in between.

const libc = koffi.load('libc.so.6');
const calls = {
  pipe2: libc.func('int pipe2(void *descriptors, int flags)'),
  fcntl: libc.func('int fcntl(int descriptor, int command, int argument)'),
  spawn: libc.func('int posix_spawnp(void *pid, const char *file, void *actions, void *attributes, const char **argv, const char **env)'),
  actionsInit: libc.func('int posix_spawn_file_actions_init(void *actions)'),
  actionsDestroy: libc.func('int posix_spawn_file_actions_destroy(void *actions)'),
  addDup2: libc.func('int posix_spawn_file_actions_adddup2(void *actions, int from, int to)'),
  addOpen: libc.func('int posix_spawn_file_actions_addopen(void *actions, int descriptor, const char *path, int flags, unsigned int mode)'),
  addChdir: libc.func('int posix_spawn_file_actions_addchdir_np(void *actions, const char *path)'),
  attributesInit: libc.func('int posix_spawnattr_init(void *attributes)'),
  setFlags: libc.func('int posix_spawnattr_setflags(void *attributes, short flags)'),
  setDefaultSignals: libc.func('int posix_spawnattr_setsigdefault(void *attributes, void *signals)'),
  setSignalMask: libc.func('int posix_spawnattr_setsigmask(void *attributes, void *signals)'),
  waitpid: libc.func('int waitpid(int pid, void *status, int options)'),
};

/** Room for posix_spawn_file_actions_t (80 bytes), posix_spawnattr_t (336) and sigset_t (128) of any architecture. */
const structBytes = 512;
const SETSIGDEF = 0x04;
const SETSIGMASK = 0x08;
const SETSID = 0x80;
const O_RDWR = 2;
const O_CLOEXEC = 0o2000000;
const WNOHANG = 1;
const F_SETPIPE_SZ = 1031;

/** What a descriptor of the child is: a copy of one that is open, the lower ones of the child itself among them, or a file to open. */
export type Descriptor = number | string;

export interface PosixSpawn {
  /** Looked for in the agent's PATH unless it has a slash. */
  file: string;
  argv: readonly string[];
  env: Readonly<NodeJS.ProcessEnv>;
  cwd?: string | undefined;
  /** 0, 1 and 2, made in this order; the agent opens all others for itself alone. */
  descriptors: readonly [Descriptor, Descriptor, Descriptor];
  /** In a session of its own; a terminal that it opens becomes the one of that session. */
  session?: boolean | undefined;
}

/** Answers the pid once the child runs its program. The child has no signal blocked or ignored. Throws an Error with `code` ("ENOENT"). */
export function posixSpawn({ file, argv, env, cwd, descriptors, session }: PosixSpawn): number {
  const actions = Buffer.alloc(structBytes);
  const pid = Buffer.alloc(4);
  calls.actionsInit(actions);
  try {
    for (const [to, from] of descriptors.entries()) {
      if (typeof from === 'number') calls.addDup2(actions, from, to);
      else calls.addOpen(actions, to, from, O_RDWR, 0);
    }
    if (cwd !== undefined) calls.addChdir(actions, cwd);
    const words = Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
    const error = calls.spawn(pid, file, actions, session ? attributes.session : attributes.plain, [...argv, null], [...words, null]) as number;
    if (error !== 0) throw Object.assign(new Error(getSystemErrorMessage(-error)), { code: getSystemErrorName(-error) });
    return pid.readInt32LE();
  } finally {
    calls.actionsDestroy(actions);
  }
}

const attributes = { plain: spawnAttributes(0), session: spawnAttributes(SETSID) };

function spawnAttributes(flags: number): Buffer {
  const made = Buffer.alloc(structBytes);
  calls.attributesInit(made);
  calls.setFlags(made, flags | SETSIGDEF | SETSIGMASK);
  calls.setDefaultSignals(made, Buffer.alloc(structBytes, 0xff));
  calls.setSignalMask(made, Buffer.alloc(structBytes));
  return made;
}

/** @param bytes that may wait in it; 64 KiB when absent, and where the host allows no more */
export function openPipe(bytes?: number): { read: number; write: number } {
  const both = Buffer.alloc(8);
  if ((calls.pipe2(both, O_CLOEXEC) as number) !== 0) throw new Error(`Failed to open a pipe: ${getSystemErrorName(-koffi.errno())}`);
  const [read, write] = [both.readInt32LE(0), both.readInt32LE(4)];
  if (bytes !== undefined) calls.fcntl(write, F_SETPIPE_SZ, bytes);
  return { read, write };
}

export function closeDescriptors(...descriptors: (number | undefined)[]): void {
  for (const descriptor of descriptors) if (descriptor !== undefined) closeSync(descriptor);
}

/** How a child ended, as wait(2) has it; undefined while it runs. A child is answered once. */
export function waitStatus(pid: number): { code: number } | { signal: number } | undefined {
  const status = Buffer.alloc(4);
  const answered = calls.waitpid(pid, status, WNOHANG) as number;
  if (answered === 0) return undefined;
  if (answered < 0) return { code: -1 };
  const value = status.readInt32LE();
  return (value & 0x7f) === 0 ? { code: (value >> 8) & 0xff } : { signal: value & 0x7f };
}
