import type { Host } from '../host/host.js';
import { BtrfsPlaces } from './btrfs-places.js';
import { btrfsQuotas } from './btrfs-quotas.js';
import type { Layout } from './layout.js';
import { copyTree, removeTree } from './plain-trees.js';
import type { StorageDriver } from './storage-driver.js';
import { TreeDriver, type Trees } from './tree-driver.js';

/** Subvolumes of a btrfs: copies, snapshots and restores share blocks and take one step. */
export function btrfsDriver(host: Host, layout: Layout): StorageDriver {
  return new TreeDriver({
    host,
    layout,
    places: new BtrfsPlaces(host, layout),
    trees: subvolumeTrees(host),
    quotas: btrfsQuotas(host, layout),
    keepsImages: true,
  });
}

export function subvolumeTrees(host: Host): Trees {
  const { subvolumes } = host;
  const remove = async (path: string): Promise<void> => {
    if (!(await subvolumes.isSubvolume(path))) return removeTree(host, path);
    await host.mounts.unmountTree(path);
    try {
      await subvolumes.destroy(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error;
      for (const nested of (await nestedSubvolumes(host, path)).reverse()) await unsealAndDestroy(`${path}/${nested}`);
      await subvolumes.destroy(path);
    }
  };
  const unsealAndDestroy = async (path: string): Promise<void> => {
    await subvolumes.setReadonly(path, false);
    await subvolumes.destroy(path);
  };
  return {
    make: (path) => subvolumes.create(path),
    async copyAtOnce(from, to, { readonly }) {
      if (!(await subvolumes.isSubvolume(from)) || (await subvolumes.hasNested(from))) return false;
      await subvolumes.snapshot(from, to, { readonly });
      return true;
    },
    async copy(from, to) {
      if (!(await subvolumes.isSubvolume(from))) {
        await subvolumes.create(to);
        return copyTree(host, from, to);
      }
      await subvolumes.snapshot(from, to);
      for (const nested of await nestedSubvolumes(host, from)) {
        await host.files.remove(`${to}/${nested}`); // a snapshot has an empty directory in the place of a nested subvolume
        await subvolumes.snapshot(`${from}/${nested}`, `${to}/${nested}`);
      }
    },
    async seal(path) {
      for (const nested of await nestedSubvolumes(host, path)) await subvolumes.setReadonly(`${path}/${nested}`, true);
      await subvolumes.setReadonly(path, true);
    },
    remove,
  };
}

/** Paths relative to `path`, parents first. */
async function nestedSubvolumes(host: Host, path: string): Promise<string[]> {
  if (!(await host.subvolumes.hasNested(path))) return [];
  const shown = await host.exec(['btrfs', 'subvolume', 'show', '--', path]);
  const own = (shown.stdout.split('\n')[0] ?? '').trim(); // its path from the top of the file system
  const listed = await host.exec(['btrfs', 'subvolume', 'list', '--', path]);
  return listed.stdout
    .split('\n')
    .map((line) => / path (.*)$/.exec(line)?.[1] ?? '')
    .filter((name) => name.startsWith(`${own}/`))
    .map((name) => name.slice(own.length + 1))
    .sort((a, b) => a.split('/').length - b.split('/').length);
}
