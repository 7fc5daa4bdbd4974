import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { LxdError } from '@asterism/errors';
import type { Host } from '../host/host.js';
import { ArchiveRules, type ArchiveEntry, type ArchiveRole } from './archive-rules.js';
import { jailed, type Jail } from './jail.js';
import type { TarRules } from './tar-guard.js';
import type { TarKind } from './tar-header.js';

const kinds: Record<string, TarKind> = { '-': 'file', d: 'directory', l: 'symlink', c: 'character-device', b: 'block-device', p: 'fifo', s: 'fifo' };

/** One line of `unsquashfs -lln`; undefined for a line that is none, such as the second half of a name with a newline in it. */
export function squashfsEntry(line: string): ArchiveEntry | undefined {
  const match = /^([-dlcbps])\S{9} \d+\/\d+ +(\d+(?:, *\d+)?) \d{4}-\d\d-\d\d \d\d:\d\d root(\/.*)?$/.exec(line);
  if (!match) return undefined;
  const [, type = '-', size = '0', rest = ''] = match;
  const kind = kinds[type]!;
  const arrow = kind === 'symlink' ? rest.indexOf(' -> ') : -1;
  const name = arrow < 0 ? rest : rest.slice(0, arrow);
  return { name: name.slice(1), kind, linkName: arrow < 0 ? '' : rest.slice(arrow + 4), size: kind === 'file' ? Number(size) : 0 };
}

/** Reads the listing of a squashfs file; throws at the first entry that the rules refuse. Answers the paths to leave out. */
export async function checkSquashfs(host: Host, jail: Jail & { image: string }, rules: Pick<TarRules, 'admit'>, signal?: AbortSignal): Promise<string[]> {
  const listing = host.spawn(await jailed(host, jail, ['unsquashfs', '-n', '-UTC', '-d', 'root', '-lln', '/image']), { signal });
  const dropped: string[] = [];
  try {
    let began = false;
    for await (const line of createInterface({ input: listing.stdout.setEncoding('latin1'), crlfDelay: 0 })) {
      const entry = squashfsEntry(line);
      if (!entry && began) throw new LxdError('bad-request', `Refused archive: control character in name: ${JSON.stringify(line)}`);
      if (!entry) continue;
      began = true;
      if (rules.admit(entry) === 'drop' && entry.name !== '') dropped.push(entry.name);
    }
  } catch (error) {
    listing.kill('SIGKILL');
    throw error;
  }
  await listing.succeeded();
  return dropped;
}

/** Unpacks a checked squashfs file into the target; what the rules drop is left out. */
export async function unpackSquashfs(host: Host, jail: Jail & { image: string }, role: ArchiveRole, signal?: AbortSignal): Promise<void> {
  const { size } = (await host.files.stat(jail.image)) ?? { size: 0 };
  const dropped = await checkSquashfs(host, jail, new ArchiveRules(role, size), signal);
  const excludes = dropped.length > 0 ? (['-no-wildcards', '-excludes'] as const) : [];
  const paths = dropped.map((name) => Buffer.from(name, 'latin1').toString());
  const argv = await jailed(host, jail, ['unsquashfs', '-n', '-q', '-f', ...excludes, '-d', '/target', '/image', ...paths]);
  const unsquashfs = host.spawn(argv, { signal });
  unsquashfs.stdout.resume();
  await unsquashfs.succeeded();
}

/** Unpacks one tree of a checked squashfs file, so that what the tree has lies in the target itself. */
export async function unpackSquashfsTree(host: Host, jail: Jail & { image: string }, { tree, dropped }: { tree: string; dropped: readonly string[] }, signal?: AbortSignal): Promise<void> {
  const excludes = dropped.length > 0 ? (['-excludes'] as const) : [];
  // With -excludes the names given are what to leave out, and the whole file is unpacked: everything but the tree goes as well.
  const names = dropped.length > 0 ? dropped : [tree];
  const argv = await jailed(host, jail, ['unsquashfs', '-n', '-q', '-f', '-no-wildcards', ...excludes, '-d', '/target', '/image', ...names.map((name) => Buffer.from(name, 'latin1').toString())]);
  const unsquashfs = host.spawn(argv, { signal });
  unsquashfs.stdout.resume();
  await unsquashfs.succeeded();
  for (const name of await host.files.readdir(join(jail.target, tree))) await host.files.rename(join(jail.target, tree, name), join(jail.target, name));
  const [top = ''] = tree.split('/');
  await host.files.remove(join(jail.target, top));
}
