import type { Host } from '../host/host.js';
import { copyTree, removeTree } from './plain-trees.js';
import type { Trees } from './tree-driver.js';

/** Volumes as subvolumes; those that a guest made inside come along. */
export function subvolumeTrees(host: Host): Trees {
  const { subvolumes } = host;
  const remove = async (path: string): Promise<void> => {
    if (!(await host.files.exists(path))) return;
    if (!(await subvolumes.isSubvolume(path))) return removeTree(host, path);
    await host.mounts.unmountTree(path);
    try {
      await subvolumes.destroy(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error;
      await destroyWithNested(path);
    }
  };
  const destroyWithNested = async (path: string): Promise<void> => {
    const all = [path, ...(await nestedSubvolumes(host, path)).map((nested) => `${path}/${nested}`)];
    for (const each of all) await subvolumes.setReadonly(each, false); // what lies in a sealed one cannot be taken out
    for (const each of all.reverse()) await subvolumes.destroy(each);
  };
  return {
    make: (path) => subvolumes.create(path),
    async copyAtOnce(from, to, { readonly }) {
      if (!(await subvolumes.isSubvolume(from)) || (await subvolumes.hasNested(from))) return false;
      await subvolumes.snapshot(from, to, { readonly });
      return true;
    },
    async copy(from, to, options) {
      if (!(await subvolumes.isSubvolume(from))) {
        await subvolumes.create(to);
        return copyTree(host, from, to, options);
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
export async function nestedSubvolumes(host: Host, path: string): Promise<string[]> {
  if (!(await host.subvolumes.hasNested(path))) return [];
  const shown = await host.exec(['btrfs', 'subvolume', 'show', '--', path]);
  const own = (shown.stdout.split('\n')[0] ?? '').trim(); // its path from the top of the file system, as the list has its children's
  const listed = await host.exec(['btrfs', 'subvolume', 'list', '-o', '--', path]);
  const nested: string[] = [];
  for (const line of listed.stdout.split('\n')) {
    const full = / path (.*)$/.exec(line)?.[1];
    if (!full?.startsWith(`${own}/`)) continue;
    const child = full.slice(own.length + 1);
    nested.push(child, ...(await nestedSubvolumes(host, `${path}/${child}`)).map((below) => `${child}/${below}`));
  }
  return nested;
}
