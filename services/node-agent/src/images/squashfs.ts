import { createInterface } from 'node:readline';
import { LxdError } from '@asterism/errors';
import type { Host } from '../host/host.js';
import { ArchiveRules, type ArchiveEntry, type ArchiveRole } from './archive-rules.js';
import { jailed, type Jail } from './jail.js';
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
async function checkSquashfs(host: Host, jail: Jail & { image: string }, role: ArchiveRole, signal?: AbortSignal): Promise<string[]> {
  const { size } = (await host.files.stat(jail.image)) ?? { size: 0 };
  const rules = new ArchiveRules(role, size);
  const listing = host.spawn(await jailed(host, jail, ['unsquashfs', '-n', '-UTC', '-d', 'root', '-lln', '/image']), { signal });
  const dropped: string[] = [];
  try {
    let began = false;
    for await (const line of createInterface({ input: listing.stdout.setEncoding('latin1'), crlfDelay: 0 })) {
      const entry = squashfsEntry(line);
      if (!entry && began) throw new LxdError('bad-request', `Refused image archive: control character in name: ${JSON.stringify(line)}`);
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
  const dropped = await checkSquashfs(host, jail, role, signal);
  const excludes = dropped.length > 0 ? (['-no-wildcards', '-excludes'] as const) : [];
  const paths = dropped.map((name) => Buffer.from(name, 'latin1').toString());
  const argv = await jailed(host, jail, ['unsquashfs', '-n', '-q', '-f', ...excludes, '-d', '/target', '/image', ...paths]);
  const unsquashfs = host.spawn(argv, { signal });
  unsquashfs.stdout.resume();
  await unsquashfs.succeeded();
}
