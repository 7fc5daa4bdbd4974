import { open, stat, statfs } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { readKernelFile } from './kernel-files.js';
import { ioctl, ioctlNow } from './syscalls.js';

/** Subvolumes of btrfs, by ioctl: no process is started. Each throws an Error with `code` ("ENOTEMPTY") as Node's own do. */
export interface Subvolumes {
  isBtrfs(path: string): Promise<boolean>;
  isSubvolume(path: string): Promise<boolean>;
  create(path: string): Promise<void>;
  snapshot(source: string, path: string, options?: { readonly?: boolean }): Promise<void>;
  /** Fails with ENOTEMPTY while other subvolumes lie inside. */
  destroy(path: string): Promise<void>;
  setReadonly(path: string, readonly: boolean): Promise<void>;
  /** Whether other subvolumes lie inside. */
  hasNested(path: string): Promise<boolean>;
  /** What the subvolume shares with no other, and its limit if it has one; undefined while the file system counts nothing. */
  usage(path: string): Promise<SubvolumeUsage | undefined>;
}

export interface SubvolumeUsage {
  exclusiveBytes: number;
  limitBytes: number | undefined;
}

const SUBVOL_CREATE_V2 = 0x50009418;
const SNAP_CREATE_V2 = 0x50009417;
const SNAP_DESTROY = 0x5000940f;
const SUBVOL_GETFLAGS = 0x80089419;
const SUBVOL_SETFLAGS = 0x4008941a;
const GET_SUBVOL_ROOTREF = 0xd000943d;
const INO_LOOKUP = 0xd0009412;
const FS_INFO = 0x8400941f;
const RDONLY = 2n;
const BTRFS_MAGIC = 0x9123683e;
/** The root directory of every subvolume has this inode. */
const SUBVOLUME_INODE = 256;

export const hostSubvolumes: Subvolumes = {
  isBtrfs: async (path) => (await statfs(path)).type === BTRFS_MAGIC,
  async isSubvolume(path) {
    return (await stat(path)).ino === SUBVOLUME_INODE && (await hostSubvolumes.isBtrfs(path));
  },
  create: (path) => onDirectory(dirname(path), (parent) => ioctl(parent, SUBVOL_CREATE_V2, argumentsV2(-1, 0n, basename(path)), path)),
  snapshot: (source, path, options = {}) =>
    onDirectory(source, (from) =>
      onDirectory(dirname(path), (parent) => ioctl(parent, SNAP_CREATE_V2, argumentsV2(from, options.readonly ? RDONLY : 0n, basename(path)), path)),
    ),
  destroy: (path) => onDirectory(dirname(path), (parent) => ioctl(parent, SNAP_DESTROY, argumentsV1(basename(path)), path)),
  setReadonly: (path, readonly) =>
    onDirectory(path, async (directory) => {
      const flags = Buffer.alloc(8);
      await ioctl(directory, SUBVOL_GETFLAGS, flags, path);
      const before = flags.readBigUInt64LE();
      const after = readonly ? before | RDONLY : before & ~RDONLY;
      flags.writeBigUInt64LE(after);
      if (after !== before) await ioctl(directory, SUBVOL_SETFLAGS, flags, path);
    }),
  hasNested: (path) =>
    onDirectory(path, async (directory) => {
      const references = Buffer.alloc(4096);
      await ioctl(directory, GET_SUBVOL_ROOTREF, references, path);
      return references.readUInt8(4088) > 0;
    }),
  usage: (path) =>
    onDirectory(path, async (directory) => {
      const group = quotaGroup(directory, path);
      const exclusive = readKernelFile(`${group}/exclusive`);
      if (exclusive === undefined) return undefined;
      const isLimited = (Number(readKernelFile(`${group}/limit_flags`)) & 1) === 1;
      return { exclusiveBytes: Number(exclusive), limitBytes: isLimited ? Number(readKernelFile(`${group}/max_referenced`)) : undefined };
    }),
};

/** Where the kernel shows the counters of an open subvolume's quota group; there only while it counts. */
function quotaGroup(directory: number, path: string): string {
  const fileSystem = Buffer.alloc(1024);
  ioctlNow(directory, FS_INFO, fileSystem, path);
  const subvolume = Buffer.alloc(4096);
  subvolume.writeBigUInt64LE(BigInt(SUBVOLUME_INODE), 8);
  ioctlNow(directory, INO_LOOKUP, subvolume, path);
  const uuid = fileSystem.toString('hex', 16, 32).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  return `/sys/fs/btrfs/${uuid}/qgroups/0_${subvolume.readBigUInt64LE(0)}`;
}

async function onDirectory<T>(path: string, work: (descriptor: number) => Promise<T>): Promise<T> {
  const directory = await open(path, 0o200000); // O_DIRECTORY
  try {
    return await work(directory.fd);
  } finally {
    await directory.close();
  }
}

/** struct btrfs_ioctl_vol_args_v2 */
function argumentsV2(descriptor: number, flags: bigint, name: string): Buffer {
  const args = Buffer.alloc(4096);
  args.writeBigInt64LE(BigInt(descriptor), 0);
  args.writeBigUInt64LE(flags, 16);
  writeName(args, 56, name);
  return args;
}

/** struct btrfs_ioctl_vol_args */
function argumentsV1(name: string): Buffer {
  const args = Buffer.alloc(4096);
  writeName(args, 8, name);
  return args;
}

function writeName(args: Buffer, offset: number, name: string): void {
  const bytes = Buffer.from(name);
  if (bytes.length > 255 || bytes.includes(0)) throw new Error(`not a file name: ${JSON.stringify(name)}`);
  bytes.copy(args, offset);
}
