import type { IdRange } from './ids.js';

/** What an instance may have done for it; written by the agent, read by the interceptor at each call. All paths and ids are the host's. */
export interface InterceptionPolicy {
  idmap: readonly IdRange[];
  mknod: boolean;
  setxattr: boolean;
  mount: MountPolicy | undefined;
  /** Its group in the unified tree, below which its programs may decide on devices. */
  bpfDevices?: string | undefined;
}

export interface MountPolicy {
  /** Types that the host's kernel mounts for it. */
  filesystems: readonly string[];
  /** Types that a program inside mounts, by the program's name ("ext4": "fuse2fs"). */
  fuse: Readonly<Record<string, string>>;
  /** Whether ids of the file system are the instance's own. */
  shift: boolean;
  /** Where the nodes of its devices lie: no other block device is mounted. */
  devices: string;
  /** Its control groups, as directories. */
  cgroups: readonly string[];
}

/** Cookies are ids of instances. */
export function isCookie(cookie: string): boolean {
  return /^[\w-]{1,64}$/.test(cookie);
}
