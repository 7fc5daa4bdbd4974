import { rmdirSync } from 'node:fs';
import { mkdir, readFile, readdir, rmdir, writeFile } from 'node:fs/promises';
import { isMissing } from './files.js';
import { openKernelFile } from './kernel-files.js';
import { hostMounts, type MountEntry } from './mounts.js';

export interface CgroupLayout {
  version: 'v1' | 'hybrid' | 'v2';
  /** Mount point by controller ("memory", "name=systemd"); "unified" for the v2 tree. */
  trees: Record<string, string>;
}

/**
 * Control groups by their path below the root of every tree ("/lxc.payload.c1"). A control file is named as the kernel names it and found in the
 * tree of its controller, the part before the first dot ("memory.usage_in_bytes"); what no v1 tree has is looked for in the unified one.
 */
export interface Cgroups {
  layout(): Promise<CgroupLayout>;
  /** In every tree; one that exists is fine. */
  create(group: string): Promise<void>;
  /** In every tree, with the groups below; waits a second for processes on their way out, then fails while some are inside. */
  remove(group: string): Promise<void>;
  /** Undefined when there is no such group or file. */
  read(group: string, file: string): Promise<string | undefined>;
  /** Files of a group that are read again and again. */
  open(group: string, files: readonly string[]): Promise<OpenCgroup>;
  write(group: string, file: string, value: string): Promise<void>;
  move(group: string, pid: number): Promise<void>;
  /** The absolute directory of a group in the tree of a controller; undefined when the host has no such controller. */
  directory(group: string, controller: string): Promise<string | undefined>;
}

/** Open files of a group; they do not keep it from being removed. */
export interface OpenCgroup {
  /** What the files say now, in the order they were asked for; undefined what is not there. */
  read(): (string | undefined)[];
  close(): void;
}

let known: Promise<CgroupLayout> | undefined;

export const hostCgroups: Cgroups = {
  layout: () => (known ??= hostMounts.list().then(cgroupLayout)),
  async create(group) {
    for (const tree of await distinctTrees()) await mkdir(tree + group, { recursive: true });
  },
  async remove(group) {
    for (const tree of await distinctTrees()) await removeTree(tree + group);
  },
  async read(group, file) {
    const directory = await hostCgroups.directory(group, controllerOf(file));
    if (directory === undefined) return undefined;
    return readFile(`${directory}/${file}`, 'utf8').catch((error: unknown) => {
      if (isMissing(error) || (error as NodeJS.ErrnoException).code === 'ENODEV') return undefined;
      throw error;
    });
  },
  async open(group, files) {
    const { trees } = await hostCgroups.layout();
    const open = files.map((file) => {
      const tree = trees[controllerOf(file)] ?? trees['unified'];
      return tree === undefined ? undefined : openKernelFile(`${tree}${group}/${file}`);
    });
    return {
      read: () => open.map((file) => file?.read()),
      close: () => open.forEach((file) => file?.close()),
    };
  },
  async write(group, file, value) {
    const directory = await hostCgroups.directory(group, controllerOf(file));
    if (directory === undefined) throw new Error(`No cgroup controller for ${file}`);
    await writeFile(`${directory}/${file}`, value, { flag: 'r+' });
  },
  async move(group, pid) {
    for (const tree of await distinctTrees()) await writeFile(`${tree}${group}/cgroup.procs`, String(pid));
  },
  async directory(group, controller) {
    const { trees } = await hostCgroups.layout();
    const tree = trees[controller] ?? trees['unified'];
    return tree === undefined ? undefined : tree + group;
  },
};

/** Which trees the host has mounted, and where. */
export function cgroupLayout(mounts: readonly MountEntry[]): CgroupLayout {
  const trees: Record<string, string> = {};
  for (const entry of mounts) {
    if (entry.type === 'cgroup2') trees['unified'] ??= entry.target;
    if (entry.type !== 'cgroup') continue;
    for (const option of entry.superOptions) if (v1Controllers.has(option) || option.startsWith('name=')) trees[option] ??= entry.target;
  }
  const controllers = Object.keys(trees).filter((name) => v1Controllers.has(name));
  const version = controllers.length === 0 ? 'v2' : trees['unified'] === undefined ? 'v1' : 'hybrid';
  return { version, trees };
}

const v1Controllers = new Set(['cpu', 'cpuacct', 'cpuset', 'memory', 'devices', 'freezer', 'blkio', 'pids', 'net_cls', 'net_prio', 'hugetlb', 'perf_event', 'rdma', 'misc']);

function controllerOf(file: string): string {
  return file.slice(0, file.indexOf('.'));
}

async function distinctTrees(): Promise<string[]> {
  return [...new Set(Object.values((await hostCgroups.layout()).trees))];
}

async function removeTree(directory: string): Promise<void> {
  if (removedAtOnce(directory)) return;
  const entries = await readdir(directory, { withFileTypes: true }).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  for (const entry of entries) if (entry.isDirectory()) await removeTree(`${directory}/${entry.name}`);
  for (let tries = 0; ; tries++) {
    try {
      return await rmdir(directory);
    } catch (error) {
      if (isMissing(error)) return;
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || tries === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** An empty group takes the kernel less than a thread of the pool takes to wake up. */
function removedAtOnce(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    return isMissing(error);
  }
}
