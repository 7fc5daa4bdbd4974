import type { IdRange } from './ids.js';
import type { MountPolicy } from './policy.js';

/** What a guest asks of mount(2), as text. */
export interface MountWish {
  source: string;
  target: string;
  type: string;
  flags: number;
  data: string;
}

export type MountDecision =
  | 'continue'
  /** By the host's kernel, from a block device or from what the guest sees. */
  | { by: 'device' | 'place'; options: string[]; attributes: number }
  /** By a program inside. */
  | { by: 'program'; program: string; options: string };

const MS = { rdonly: 1, nosuid: 2, nodev: 4, noexec: 8, synchronous: 0x10, dirsync: 0x80, noatime: 0x400, nodiratime: 0x800, silent: 0x8000, relatime: 1 << 21, strictatime: 1 << 24, lazytime: 1 << 25 } as const;
const MS_MGC = 0xc0ed0000;
const known = Object.values(MS).reduce((all, flag) => all | flag, 0);

/** Attributes of a mount by flag. */
const attributes: readonly [flag: number, attribute: number][] = [
  [MS.rdonly, 0x1],
  [MS.nosuid, 0x2],
  [MS.noexec, 0x8],
  [MS.noatime, 0x10],
  [MS.strictatime, 0x20],
  [MS.nodiratime, 0x80],
];
const ATTR_NODEV = 0x4;

/** Flags that belong to the file system. */
const words: readonly [flag: number, word: string][] = [
  [MS.rdonly, 'ro'],
  [MS.synchronous, 'sync'],
  [MS.dirsync, 'dirsync'],
  [MS.lazytime, 'lazytime'],
];

/** Those that show the host itself, take descriptors, or that guests mount by themselves: never mounted for one, whatever is allowed. */
const never = new Set(
  'proc sysfs cgroup cgroup2 devpts devtmpfs mqueue debugfs tracefs securityfs bpf configfs efivarfs pstore binfmt_misc fusectl fuse fuseblk 9p nsfs selinuxfs smackfs autofs rpc_pipefs nfsd bdev sockfs pipefs'.split(' '),
);

/** Options by which a file system reaches for another device than its own. */
const reaching = new Set(['journal_dev', 'journal_path', 'logdev', 'rtdev', 'device', 'source']);

/**
 * Decides on a mount.
 * @param onDevices types of file systems that lie on block devices
 */
export function decideMount(wish: MountWish, policy: MountPolicy, onDevices: ReadonlySet<string>): MountDecision {
  const flags = ((wish.flags & 0xffff0000) >>> 0 === MS_MGC ? wish.flags & 0xffff : wish.flags) >>> 0;
  if ((flags & ~known) !== 0 || never.has(wish.type)) return 'continue';
  const given = wish.data.split(',').filter(Boolean);
  const program = Object.hasOwn(policy.fuse, wish.type) ? policy.fuse[wish.type] : undefined;
  if (program !== undefined) return { by: 'program', program, options: [...given, ...flagNames(flags)].join(',') };
  if (!policy.filesystems.includes(wish.type)) return 'continue';
  const by = onDevices.has(wish.type) ? 'device' : 'place';
  if (by === 'device' && given.some((option) => reaching.has(option.split('=')[0]!) || option.includes('/'))) return 'continue';
  if (given.some((option) => option.split('=')[0] === 'source')) return 'continue';
  return {
    by,
    options: [...words.filter(([flag]) => (flags & flag) !== 0).map(([, word]) => word), ...given],
    // Nodes of devices in a file system that the guest wrote are not to be believed.
    attributes: attributes.reduce((all, [flag, attribute]) => ((flags & flag) !== 0 ? all | attribute : all), ATTR_NODEV),
  };
}

function flagNames(flags: number): string[] {
  const names: [number, string][] = [[MS.rdonly, 'ro'], [MS.nosuid, 'nosuid'], [MS.nodev, 'nodev'], [MS.noexec, 'noexec'], [MS.synchronous, 'sync'], [MS.dirsync, 'dirsync'], [MS.noatime, 'noatime'], [MS.nodiratime, 'nodiratime']];
  return names.filter(([flag]) => (flags & flag) !== 0).map(([, name]) => name);
}

/** Types that lie on block devices, of /proc/filesystems. */
export function deviceTypes(text: string): Set<string> {
  return new Set(text.split('\n').filter((line) => line !== '' && !line.startsWith('nodev')).map((line) => line.trim()));
}

/** Huge pages belong to who mounts them: the guest's ids, or its caller, as the host has them. Undefined for ids that the guest has not. */
export function hugepageOptions(options: readonly string[], idmap: readonly IdRange[], caller: { uid: number; gid: number }): string[] | undefined {
  const owners = { uid: caller.uid, gid: caller.gid };
  const others: string[] = [];
  for (const option of options) {
    const [, kind, id] = /^(uid|gid)=(\d+)$/.exec(option) ?? [];
    if (kind === undefined) others.push(option);
    else {
      const range = idmap.find((candidate) => candidate[kind === 'uid' ? 'isUid' : 'isGid'] && Number(id) >= candidate.nsId && Number(id) < candidate.nsId + candidate.range);
      if (!range) return undefined;
      owners[kind as 'uid' | 'gid'] = range.hostId + Number(id) - range.nsId;
    }
  }
  return others.some((option) => /^[ug]id=/.test(option)) ? undefined : [...others, `uid=${owners.uid}`, `gid=${owners.gid}`];
}
