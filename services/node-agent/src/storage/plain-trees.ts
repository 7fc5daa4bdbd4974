import { fromUnknown } from '@asterism/errors';
import type { Argv } from '../host/commands.js';
import type { Host } from '../host/host.js';
import { jailed } from '../images/jail.js';

const hourMs = 60 * 60 * 1000;

/** rsync: some files vanished while it read. */
const VANISHED = 24;

export interface CopyOptions {
  /** Nothing changes the source meanwhile: a snapshot, or the volume of an instance that is stopped or frozen. */
  still: boolean;
}

/**
 * Makes the existing directory `to` equal to `from`: owners, modes, times, hard links, holes, extended attributes, ACLs; blocks are shared where
 * the file system can do that. Trees that change meanwhile are finished by rsync, which does not mind files that vanish. Where a guest may change
 * the tree, the copying programs see nothing but the two directories: one that swaps a directory for a symlink at the right moment gets nothing of the host.
 */
export async function copyTree(host: Host, from: string, to: string, options: CopyOptions): Promise<void> {
  const jail = { source: from, target: to, copies: true } as const;
  const command = (source: string, target: string): Argv => ['cp', '-a', '-x', '--reflink=auto', '--sparse=auto', '--', `${source}/.`, target];
  const argv = options.still ? command(from, to) : await jailed(host, jail, command('/source', '/target'));
  const { code, stderr } = await host.exec(argv, { timeoutMs: hourMs, okCodes: [0, 1] });
  if (code === 0) return;
  try {
    await syncTree(host, from, to);
  } catch (error) {
    if (/No space left on device|Disk quota exceeded/.test(stderr)) throw new Error(stderr.trim().split('\n')[0], { cause: error });
    throw fromUnknown(error);
  }
}

/** Makes an existing tree equal to another by what differs between them; the programs see nothing but the two. */
export async function syncTree(host: Host, from: string, to: string): Promise<void> {
  const jail = { source: from, target: to, copies: true } as const;
  await host.exec(await jailed(host, jail, ['rsync', '-aHAXxS', '--numeric-ids', '--modify-window=-1', '--delete', '/source/', '/target/']), { timeoutMs: hourMs, okCodes: [0, VANISHED] });
}

/** Up to here a process costs more than it saves. */
const smallTreeEntries = 32;

/** Never follows a link and never leaves the file system. Nothing there is fine. */
export async function removeTree(host: Host, path: string): Promise<void> {
  await host.mounts.unmountTree(path);
  if (await host.files.removeSmallTree(path, smallTreeEntries)) return;
  await host.exec(['rm', '-rf', '--one-file-system', '--', path], { timeoutMs: hourMs });
}
