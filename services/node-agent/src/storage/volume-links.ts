import { dirname, relative, resolve } from 'node:path';
import type { Host } from '../host/host.js';
import type { Layout, Volume } from './layout.js';

/** <state-dir>/containers/<name>, where LXD's users expect an instance's volume whichever pool it lies in. */
export async function linkVolume(host: Host, layout: Layout, volume: Volume): Promise<void> {
  const links = layout.links(volume);
  if (links) await link(host, layout.volume(volume), links.volume, 0o711, layout.volume(volume));
}

/** <state-dir>/snapshots/<name>, as long as there are snapshots. */
export async function linkSnapshots(host: Host, layout: Layout, volume: Volume): Promise<void> {
  const links = layout.links(volume);
  if (links && (await host.files.exists(layout.snapshots(volume)))) await link(host, layout.snapshots(volume), links.snapshots, 0o700);
}

export async function unlinkVolume(host: Host, layout: Layout, volume: Volume): Promise<void> {
  const links = layout.links(volume);
  if (links) await unlink(host, layout.volume(volume), links.volume);
}

export async function unlinkSnapshots(host: Host, layout: Layout, volume: Volume): Promise<void> {
  const links = layout.links(volume);
  if (links) await unlink(host, layout.snapshots(volume), links.snapshots);
}

/**
 * Makes `path` a symlink to `target`, with its directory. A relative one: it moves with the state directory, and a file system keeps
 * the few characters in the inode instead of taking a block for them.
 */
async function link(host: Host, target: string, path: string, mode: number, home?: string): Promise<void> {
  await host.files.mkdir(dirname(path), { mode });
  await host.files.symlink(relative(dirname(path), target), path, home);
}

/** The same, for one that is most likely there. */
export async function keepLink(host: Host, target: string, path: string): Promise<void> {
  if (!(await leadsTo(host, path, target))) await link(host, target, path, 0o711);
}

async function leadsTo(host: Host, path: string, target: string): Promise<boolean> {
  const isLink = (await host.files.stat(path))?.kind === 'symlink';
  return isLink && resolve(dirname(path), await host.files.readlink(path)) === target;
}

/** Only a link that leads there: while an instance moves between pools, two volumes have its name. */
async function unlink(host: Host, target: string, path: string): Promise<void> {
  if (await leadsTo(host, path, target)) await host.files.remove(path);
}
