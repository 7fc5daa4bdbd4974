import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';

/** The few system calls Node lacks. Each throws an Error with `code` ("ENOENT") and `syscall` set, as Node's own do. */

const libc = koffi.load('libc.so.6');

const calls = {
  mount: libc.func('int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)'),
  umount2: libc.func('int umount2(const char *target, int flags)'),
  setns: libc.func('int setns(int fd, int type)'),
  unshare: libc.func('int unshare(int flags)'),
  ioctl: libc.func('int ioctl(int fd, unsigned long request, void *argument)'),
  renameat2: libc.func('int renameat2(int fromDirectory, const char *from, int toDirectory, const char *to, unsigned int flags)'),
  setfsuid: libc.func('int setfsuid(unsigned int uid)'),
  setfsgid: libc.func('int setfsgid(unsigned int gid)'),
  capget: libc.func('int capget(void *header, _Out_ void *data)'),
  capset: libc.func('int capset(void *header, void *data)'),
  openat2: libc.func('long syscall(long number, int directory, const char *path, void *how, size_t size)'),
  openTree: libc.func('syscall', 'long', ['long', 'int', 'str', 'uint']),
  moveMount: libc.func('syscall', 'long', ['long', 'int', 'str', 'int', 'str', 'uint']),
  mountSetattr: libc.func('syscall', 'long', ['long', 'int', 'str', 'uint', 'void *', 'size_t']),
  closeRange: libc.func('syscall', 'long', ['long', 'uint', 'uint', 'uint']),
  mknod: libc.func('int mknod(const char *path, unsigned int mode, unsigned long device)'),
  getsockopt: libc.func('int getsockopt(int fd, int level, int name, void *value, void *length)'),
  memfdCreate: libc.func('int memfd_create(const char *name, unsigned int flags)'),
  poll: libc.func('int poll(void *files, unsigned long count, int timeout)'),
  fcntl: libc.func('int fcntl(int fd, int command, int argument)'),
};

export const MS = {
  rdonly: 1,
  nosuid: 2,
  nodev: 4,
  noexec: 8,
  remount: 32,
  bind: 4096,
  move: 8192,
  rec: 16384,
  unbindable: 1 << 17,
  private: 1 << 18,
  slave: 1 << 19,
  shared: 1 << 20,
} as const;

export const MNT_DETACH = 2;
export const CLONE_FS = 0x200;
export const CLONE_NEWNS = 0x20000;
export const CLONE_NEWNET = 0x40000000;

export function mount(source: string | null, target: string, type: string | null, flags: number, data: string | null): void {
  check('mount', calls.mount(source, target, type, flags, data) as number, target);
}

export function umount2(target: string, flags: number): void {
  check('umount2', calls.umount2(target, flags) as number, target);
}

/** Of the calling thread only. */
export function setns(fd: number, type: number): void {
  check('setns', calls.setns(fd, type) as number);
}

/** Of the calling thread only. */
export function unshare(flags: number): void {
  check('unshare', calls.unshare(flags) as number);
}

/** Off the main thread: some requests wait for the disk. `argument` is read and written in place. */
export function ioctl(fd: number, request: number, argument: Buffer, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    calls.ioctl.async(fd, request, argument, (error: unknown, result: number) => {
      try {
        if (error) throw error as Error;
        check('ioctl', result, path);
        resolve();
      } catch (failure) {
        reject(failure as Error);
      }
    });
  });
}

/** For requests that are answered from memory. */
export function ioctlNow(fd: number, request: number, argument: Buffer, path: string): void {
  check('ioctl', calls.ioctl(fd, request, argument) as number, path);
}

const FS_IOC = { getFlags: 0x80086601, setFlags: 0x40086602 } as const;

/** "Unrelated directories below": see chattr(1), attribute T. */
export const FS_TOPDIR_FL = 0x20000;

/** Sets attributes as chattr(1) does. */
export function addInodeFlags(fd: number, flags: number): void {
  const word = Buffer.alloc(8);
  check('ioctl', calls.ioctl(fd, FS_IOC.getFlags, word) as number);
  const before = word.readUInt32LE();
  if ((before & flags) === flags) return;
  word.writeUInt32LE((before | flags) >>> 0);
  check('ioctl', calls.ioctl(fd, FS_IOC.setFlags, word) as number);
}

const AT_FDCWD = -100;
const RENAME_EXCHANGE = 2;

/** Two paths of one file system change places in one step. */
export function exchange(first: string, second: string): void {
  check('renameat2', calls.renameat2(AT_FDCWD, first, AT_FDCWD, second, RENAME_EXCHANGE) as number, first);
}

/**
 * From now on the calling thread makes and opens files as this user. Leaving uid 0 costs a thread its effective file
 * capabilities; they are raised again, so that it may still reach files of other owners.
 */
export function setFileOwner(uid: number, gid: number): void {
  calls.setfsgid(gid);
  calls.setfsuid(uid);
  const header = Buffer.alloc(8);
  header.writeUInt32LE(0x20080522, 0); // _LINUX_CAPABILITY_VERSION_3, pid 0: this thread
  const sets = Buffer.alloc(24);
  check('capget', calls.capget(header, sets) as number);
  sets.copy(sets, 0, 4, 8);
  sets.copy(sets, 12, 16, 20);
  check('capset', calls.capset(header, sets) as number);
}

const RESOLVE_NO_MAGICLINKS = 0x02;
const RESOLVE_IN_ROOT = 0x10;
const SYS_OPENAT2 = 437;

/** Opens a path as if `root` (an open directory) were "/": neither `..` nor a symlink leads out of it. */
export function openInRoot(root: number, path: string, flags: number, mode = 0): number {
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(BigInt(flags | 0o2000000), 0); // O_CLOEXEC
  how.writeBigUInt64LE(BigInt(mode), 8);
  how.writeBigUInt64LE(BigInt(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS), 16);
  return check('openat2', Number(calls.openat2(SYS_OPENAT2, root, path, how, how.length)), path);
}

const AT_RECURSIVE = 0x8000;
const AT_EMPTY_PATH = 0x1000;
const OPEN_TREE_CLONE = 1;
const O_CLOEXEC = 0o2000000;
const SYS_OPEN_TREE = 428;
const SYS_MOVE_MOUNT = 429;
const SYS_MOUNT_SETATTR = 442;
const MOVE_MOUNT_F_EMPTY_PATH = 4;

export const MOUNT_ATTR = { rdonly: 1, nosuid: 2, nodev: 4, idmap: 0x100000 } as const;

/** A detached copy of a mount (or of a directory of it), not yet anywhere; the answer is a file descriptor to close. */
export function cloneMount(source: string, recursive: boolean): number {
  const flags = OPEN_TREE_CLONE | O_CLOEXEC | (recursive ? AT_RECURSIVE : 0);
  return check('open_tree', Number(calls.openTree(SYS_OPEN_TREE, AT_FDCWD, source, flags)), source);
}

/** Sets attributes of a detached mount; `userNamespace` (a descriptor) is owed with MOUNT_ATTR.idmap. */
export function setMountAttributes(tree: number, attributes: number, recursive: boolean, userNamespace = 0): void {
  const struct = Buffer.alloc(32);
  struct.writeBigUInt64LE(BigInt(attributes), 0);
  struct.writeBigUInt64LE(BigInt(userNamespace), 24);
  const flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  check('mount_setattr', Number(calls.mountSetattr(SYS_MOUNT_SETATTR, tree, '', flags, struct, struct.length)));
}

/** How mounts below a detached one travel between copies of it: "slave", or with the mounts inside it "rslave". */
export function setPropagation(tree: number, mode: string): void {
  const recursive = mode.startsWith('r');
  const flag = MS[(recursive ? mode.slice(1) : mode) as 'private' | 'slave' | 'shared' | 'unbindable'];
  const struct = Buffer.alloc(32);
  struct.writeBigUInt64LE(BigInt(flag), 16);
  check('mount_setattr', Number(calls.mountSetattr(SYS_MOUNT_SETATTR, tree, '', AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), struct, struct.length)));
}

/** Attaches a detached mount at a path of the calling thread's mount namespace. */
export function attachMount(tree: number, target: string): void {
  check('move_mount', Number(calls.moveMount(SYS_MOVE_MOUNT, tree, '', AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH)), target);
}

const POLLPRI = 2;

/** Whether a file of procfs has changed since it was last asked (proc(5): mountinfo tells by poll). Waits for nothing. */
export function hasNews(fd: number): boolean {
  const asked = Buffer.alloc(8);
  asked.writeInt32LE(fd, 0);
  asked.writeInt16LE(POLLPRI, 4);
  check('poll', calls.poll(asked, 1, 0) as number);
  return (asked.readInt16LE(6) & POLLPRI) !== 0;
}

const SIOC = { flags: 0x8913, mtu: 0x8921, hwaddr: 0x8927, index: 0x8933 } as const;

export interface LinkFacts {
  index: number;
  /** IFF_UP, IFF_LOOPBACK and so on. */
  flags: number;
  mtu: number;
  hwaddr: string;
}

/** Asked on any socket of the network namespace in question. */
export function linkFacts(socket: number, name: string): LinkFacts {
  const ask = (request: number): Buffer => {
    const ifreq = Buffer.alloc(40);
    ifreq.write(name, 0, 15);
    check('ioctl', calls.ioctl(socket, request, ifreq) as number, name);
    return ifreq;
  };
  const hwaddr = [...ask(SIOC.hwaddr).subarray(18, 24)].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
  return { index: ask(SIOC.index).readInt32LE(16), flags: ask(SIOC.flags).readUInt16LE(16), mtu: ask(SIOC.mtu).readInt32LE(16), hwaddr };
}

const S_IFCHR = 0o020000;
const S_IFBLK = 0o060000;

/** A device node, with the mode the umask leaves of it. */
export function mknod(path: string, kind: 'char' | 'block', major: number, minor: number): void {
  const device = (BigInt(major & ~0xfff) << 32n) | (BigInt(minor & ~0xff) << 12n) | BigInt((major & 0xfff) << 8) | BigInt(minor & 0xff);
  check('mknod', calls.mknod(path, (kind === 'char' ? S_IFCHR : S_IFBLK) | 0o600, device) as number, path);
}

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;

/** The user who connected to a unix socket, in the caller's own ids. */
export function peerUid(fd: number): number {
  const credentials = Buffer.alloc(12); // struct ucred: pid, uid, gid
  const length = Buffer.alloc(4);
  length.writeUInt32LE(credentials.length);
  check('getsockopt', calls.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, length) as number);
  return credentials.readUInt32LE(4);
}

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
const F_SEAL_ALL = 0xf;

/** An empty file in memory that `sealFile` can seal; the answer is a file descriptor to close. */
export function createSealableFile(name: string): number {
  return check('memfd_create', calls.memfdCreate(name, MFD_CLOEXEC | MFD_ALLOW_SEALING) as number, name);
}

/** From now on nobody writes, shortens or lengthens it. */
export function sealFile(fd: number): void {
  check('fcntl', calls.fcntl(fd, F_ADD_SEALS, F_SEAL_ALL) as number);
}

const TIOC = { setWindowSize: 0x5414, unlock: 0x40045431, number: 0x80045430 } as const;

/** What a pseudoterminal's other end is called, once it is unlocked. */
export function unlockTerminal(master: number): string {
  const word = Buffer.alloc(4);
  check('ioctl', calls.ioctl(master, TIOC.unlock, word) as number);
  check('ioctl', calls.ioctl(master, TIOC.number, word) as number);
  return `/dev/pts/${word.readUInt32LE()}`;
}

export function setWindowSize(terminal: number, columns: number, rows: number): void {
  const size = Buffer.alloc(8);
  size.writeUInt16LE(rows, 0);
  size.writeUInt16LE(columns, 2);
  check('ioctl', calls.ioctl(terminal, TIOC.setWindowSize, size) as number);
}

const SYS_CLOSE_RANGE = 436;
const CLOSE_RANGE_CLOEXEC = 4;

/** No descriptor that whoever started the agent left open reaches the commands it runs, least of all those inside guests. */
export function keepDescriptorsHere(): void {
  check('close_range', Number(calls.closeRange(SYS_CLOSE_RANGE, 3, 0xffffffff, CLOSE_RANGE_CLOEXEC)));
}

function check(syscall: string, result: number, path?: string): number {
  if (result >= 0) return result;
  const errno = koffi.errno();
  const code = getSystemErrorName(-errno);
  throw Object.assign(new Error(`${code}: ${syscall}${path === undefined ? '' : ` '${path}'`}`), { code, errno: -errno, syscall, path });
}
