import { mountTable } from './mount-table.js';
import { MNT_DETACH, MS, mount, umount2 } from './syscalls.js';

export interface MountEntry {
  id: number;
  parentId: number;
  /** "254:0" */
  device: string;
  /** Which part of the file system is mounted: "/" or the source of a bind. */
  root: string;
  target: string;
  options: string[];
  /** "shared:12", "master:3"; empty for a private mount. */
  propagation: string[];
  type: string;
  source: string;
  superOptions: string[];
}

export type MountFlag = 'rdonly' | 'nosuid' | 'nodev' | 'noexec';
export type Propagation = 'private' | 'slave' | 'shared' | 'unbindable';

export interface MountOptions {
  flags?: MountFlag[];
  /** What the file system itself is told: "subvol=x,discard". */
  data?: string;
}

export interface BindOptions {
  /** With the mounts below the source. */
  recursive?: boolean;
  readonly?: boolean;
  propagation?: Propagation;
}

/** Mounts of the host, by system call: no process is started. */
export interface Mounts {
  list(): Promise<readonly MountEntry[]>;
  isMounted(target: string): Promise<boolean>;
  mount(source: string, target: string, type: string, options?: MountOptions): Promise<void>;
  bind(source: string, target: string, options?: BindOptions): Promise<void>;
  propagate(target: string, propagation: Propagation, recursive?: boolean): Promise<void>;
  /** What is not mounted is fine. `lazy` detaches a busy mount. */
  unmount(target: string, options?: { lazy?: boolean }): Promise<void>;
  /** Everything at or below the target, innermost first. */
  unmountTree(target: string): Promise<void>;
}

export const hostMounts: Mounts = {
  list: async () => parsed(mountTable()),
  isMounted: async (target) => (await hostMounts.list()).some((entry) => entry.target === target),
  async mount(source, target, type, options = {}) {
    mount(source, target, type, mountFlags(options.flags), options.data ?? null);
  },
  async bind(source, target, options = {}) {
    mount(source, target, null, MS.bind | (options.recursive ? MS.rec : 0), null);
    if (options.readonly) mount(null, target, null, MS.remount | MS.bind | MS.rdonly, null);
    if (options.propagation) await hostMounts.propagate(target, options.propagation, options.recursive);
  },
  async propagate(target, propagation, recursive = false) {
    mount(null, target, null, MS[propagation] | (recursive ? MS.rec : 0), null);
  },
  async unmount(target, options = {}) {
    try {
      umount2(target, options.lazy ? MNT_DETACH : 0);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code !== 'EINVAL' && code !== 'ENOENT') throw error;
    }
  },
  async unmountTree(target) {
    const inside = (await hostMounts.list()).filter((entry) => entry.target === target || entry.target.startsWith(`${target}/`));
    for (const entry of inside.reverse()) await hostMounts.unmount(entry.target);
  },
};

let latest: { text: string; entries: MountEntry[] } | undefined;

function parsed(text: string): MountEntry[] {
  if (latest?.text !== text) latest = { text, entries: parseMountinfo(text) };
  return latest.entries;
}

function mountFlags(flags: MountFlag[] = []): number {
  return flags.reduce((bits, flag) => bits | MS[flag], 0);
}

/** In the kernel's order: a later entry may hide an earlier one at the same target. */
export function parseMountinfo(text: string): MountEntry[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [left = '', right = ''] = line.split(' - ');
      const [id, parentId, device = '', root = '', target = '', options = '', ...propagation] = left.split(' ');
      const [type = '', source = '', superOptions = ''] = right.split(' ');
      return {
        id: Number(id),
        parentId: Number(parentId),
        device,
        root: unescapeOctal(root),
        target: unescapeOctal(target),
        options: options.split(','),
        propagation,
        type,
        source: unescapeOctal(source),
        superOptions: superOptions.split(','),
      };
    });
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
