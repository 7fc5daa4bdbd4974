import { dirname } from 'node:path';
import type { Host } from '../host/host.js';
import type { Layout, Volume } from './layout.js';

/** <state-dir>/containers/<name>, where LXD's users expect an instance's volume whichever pool it lies in. */
export async function linkVolume(host: Host, layout: Layout, volume: Volume): Promise<void> {
  const links = layout.links(volume);
  if (links) await link(host, layout.volume(volume), links.volume, 0o711);
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

async function link(host: Host, target: string, path: string, mode: number): Promise<void> {
  await host.files.mkdir(dirname(path), { mode });
  await host.files.symlink(target, path);
}

/** Only a link that leads there: while an instance moves between pools, two volumes have its name. */
async function unlink(host: Host, target: string, path: string): Promise<void> {
  const isLink = (await host.files.stat(path))?.kind === 'symlink';
  if (isLink && (await host.files.readlink(path)) === target) await host.files.remove(path);
}
