import { join } from 'node:path';
import { LxdError } from '@asterism/errors';
import type { Host } from '../host/host.js';
import type { Layout, Volume } from './layout.js';
import { removeTree, syncTree } from './plain-trees.js';

/** What the server keeps for itself and may keep in a custom volume: then its directory is a link to the volume's. */
const kinds = ['backups', 'images'];

/** Where such files are to lie; without a volume, in the state directory itself. */
export interface KeptFiles {
  kind: string;
  volume: Volume | undefined;
}

/** Why the files may not be kept there; undefined where they may, or are there already. */
export async function whyNotThere(host: Host, layout: Layout, { kind, volume }: KeptFiles): Promise<string | undefined> {
  const place = placeOf(layout, kind);
  if (!volume) return undefined;
  const path = layout.volume(volume);
  if ((await presentPath(host, place)) === path || (await underWay(host, place)) === path) return undefined;
  if (!(await host.files.exists(path))) return `Storage volume "${shown(volume)}" is not on this member`;
  const isEmpty = (await host.files.readdir(path)).every((name) => name === 'lost+found');
  return isEmpty ? undefined : `Storage volume "${shown(volume)}" isn't empty`;
}

/**
 * Moves the files: copied first, then the directory and its successor change places in one step, and what was left behind goes. Killed in between, the
 * next call for the same place finishes it; a failed one leaves the files where they were.
 */
export async function keepFiles(host: Host, layout: Layout, { kind, volume }: KeptFiles): Promise<void> {
  const place = placeOf(layout, kind);
  const from = await presentPath(host, place);
  const to = volume ? layout.volume(volume) : place;
  if (from === to) return;
  const [next, note] = [`${place}.next`, noteOf(place)];
  await removeTree(host, next);
  await host.files.write(note, to);
  try {
    if (volume) await host.files.chmod(to, 0o700);
    else await host.files.mkdir(next, { mode: 0o700 });
    await syncContents(host, from, volume ? to : next);
    if (volume) await host.files.symlink(to, next);
    await host.files.exchange(next, place);
  } catch (error) {
    if (volume) await empty(host, to);
    await removeTree(host, next);
    await host.files.remove(note);
    throw error;
  }
  if (from !== place) await empty(host, from);
  await removeTree(host, next);
  await host.files.remove(note);
}

function placeOf(layout: Layout, kind: string): string {
  if (!kinds.includes(kind)) throw new LxdError('bad-request', `Invalid kind of files ${JSON.stringify(kind)}`);
  return join(layout.stateDir, kind);
}

/** Where the files lie now. */
async function presentPath(host: Host, place: string): Promise<string> {
  return (await host.files.stat(place))?.kind === 'symlink' ? host.files.readlink(place) : place;
}

function noteOf(place: string): string {
  return `${place}.moving`;
}

/** Where a call that was killed wanted the files. */
async function underWay(host: Host, place: string): Promise<string | undefined> {
  return (await host.files.exists(noteOf(place))) ? host.files.readText(noteOf(place)) : undefined;
}

async function syncContents(host: Host, from: string, to: string): Promise<void> {
  if (await host.files.exists(from)) await syncTree(host, from, to);
  await host.files.chmod(to, 0o700);
}

async function empty(host: Host, directory: string): Promise<void> {
  for (const name of await host.files.readdir(directory)) await removeTree(host, join(directory, name));
}

function shown(volume: Volume): string {
  return `${volume.pool.name}/${volume.name.replace(/^default_/, '')}`;
}
