import { join } from 'node:path';
import { LxdError, fromUnknown } from '@asterism/errors';
import type { Host } from '../host/host.js';
import { isNoRoom } from '../host/no-room.js';
import type { IdShift } from '../host/owners/id-shift.js';
import type { ArchiveEntry, Verdict } from '../images/archive-rules.js';
import type { ArchiveFormat } from '../images/archive-format.js';
import { formatOf, tarStream } from '../images/archive-stream.js';
import { checkSquashfs, unpackSquashfsTree } from '../images/squashfs.js';
import { TarGuard, type TarRules, type TarSink } from '../images/tar-guard.js';
import { BackupRules, headerName, type BackupPart, type ExpectedBackup } from './backup-rules.js';
import { openPart, type OpenPart, type OpenReceiver, type Place } from './parts.js';
import { parseIndex } from './parse-index.js';
import { streamName, treeName, type ArchiveLayout } from './trees.js';

export interface UnpackBackup {
  file: string;
  layout: ArchiveLayout;
  optimized: boolean;
  /** Where the volume ("") and each snapshot go: directories, or subvolumes, that are there and empty. */
  directories: ReadonlyMap<string, string>;
  /** What the ids of each tree's files were shifted by, by the same keys. */
  shifts: ReadonlyMap<string, readonly IdShift[]>;
  /** Owed for optimized backups. */
  receive?: OpenReceiver | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Unpacks a received backup in one pass. It is hostile until shown otherwise: every entry is checked before an extractor sees it, and
 * each extractor runs in a jail that ends at its own tree. What is there after a failure is the caller's to remove.
 */
export async function unpackBackup(host: Host, backup: UnpackBackup): Promise<void> {
  const format = await formatOf(host, backup.file);
  const { size } = (await host.files.stat(backup.file)) ?? { size: 0 };
  const expected: ExpectedBackup = { layout: backup.layout, snapshots: [...backup.directories.keys()].filter((name) => name !== ''), archiveBytes: size, optimized: backup.optimized };
  try {
    if (format === 'squashfs') await unpackFromSquashfs(host, backup, expected);
    else await unpackFromTar(host, backup, expected, format);
    for (const [snapshot, directory] of backup.directories) await settle(host, backup, snapshot, directory);
  } catch (error) {
    if (isNoRoom(error)) {
      throw new LxdError('internal', 'Unable to unpack backup, run out of disk space', { cause: error });
    }
    throw fromUnknown(error);
  }
}

async function unpackFromTar(host: Host, backup: UnpackBackup, expected: ExpectedBackup, format: ArchiveFormat): Promise<void> {
  const parts = new Parts(host, backup, expected);
  const guard = new TarGuard(parts);
  try {
    for await (const chunk of tarStream(host, backup.file, format, backup.signal)) {
      guard.pass(chunk, parts);
      await parts.settle();
      if (guard.ended) break;
    }
    guard.finish();
    await parts.close();
  } catch (error) {
    await parts.abort();
    throw error;
  }
}

/** What an archive's pieces are for, in their order, and the one part that is open. */
class Parts implements TarRules, TarSink {
  readonly #rules: BackupRules;
  #waiting: { part: BackupPart; opens: boolean; pieces: Buffer[] }[] = [];
  #opens = false;
  #open: { key: string; part: OpenPart } | undefined;
  readonly #done = new Set<string>();
  /** Trees of which there is any entry, wanted or not. */
  readonly #found = new Set<string>();
  /** Paths of subvolumes by the names of their streams. */
  readonly #subvolumes = new Map<string, { snapshot: string; path: string }>();

  constructor(
    private readonly host: Host,
    private readonly backup: UnpackBackup,
    expected: ExpectedBackup,
  ) {
    this.#rules = new BackupRules(expected);
    for (const snapshot of backup.directories.keys()) this.#subvolumes.set(streamName(backup.layout, { snapshot, path: '/' }), { snapshot, path: '/' });
  }

  admit(entry: ArchiveEntry): Verdict {
    this.#opens = true;
    const verdict = this.#rules.admit(entry);
    if (this.#rules.part?.kind === 'tree') this.#found.add(this.#rules.part.prefix);
    return verdict;
  }

  countStream(bytes: number): void {
    this.#rules.countStream(bytes);
  }

  push(...pieces: Buffer[]): void {
    const part = this.#rules.part;
    if (part) this.#waiting.push({ part, opens: this.#opens, pieces });
    this.#opens = false;
  }

  /** Passes on what waits. */
  async settle(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { part, opens, pieces } of waiting) {
      if (opens) await this.#enter(part);
      if (!opens || part.kind === 'tree') await this.#open?.part.write(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces));
    }
  }

  async close(): Promise<void> {
    await this.settle();
    await this.#leave();
    for (const snapshot of this.backup.directories.keys()) {
      const wanted = this.backup.optimized ? streamName(this.backup.layout, { snapshot, path: '/' }) : treeName(this.backup.layout, snapshot);
      if (!this.#done.has(wanted) && !this.#found.has(wanted)) throw new LxdError('bad-request', `Backup is missing ${wanted}`);
    }
  }

  async abort(): Promise<void> {
    await this.#open?.part.abort();
  }

  async #enter(part: BackupPart): Promise<void> {
    const key = part.kind === 'tree' ? part.prefix : part.kind === 'block' ? treeName(this.backup.layout, part.snapshot) : part.name;
    if (this.#open?.key === key && part.kind === 'tree') return;
    await this.#leave();
    if (this.#done.has(key)) throw new LxdError('bad-request', `Refused archive: parts of ${JSON.stringify(key)} lie apart`);
    this.#open = { key, part: await openPart(this.host, part, this.#placeOf(part)) };
  }

  #placeOf(part: BackupPart): Place {
    const { directories, receive, signal } = this.backup;
    if (part.kind === 'header') return { take: (bytes) => this.#takeHeader(bytes) };
    if (part.kind !== 'stream') return { directory: directories.get(part.snapshot) ?? '', signal };
    const subvolume = this.#subvolumes.get(part.name);
    if (!subvolume || !receive) throw new LxdError('bad-request', `Refused archive: ${JSON.stringify(part.name)} is of no subvolume of the header`);
    return { directory: directories.get(subvolume.snapshot) ?? '', path: subvolume.path, receive, signal };
  }

  async #takeHeader(bytes: Buffer): Promise<void> {
    const { subvolumes } = await parseIndex(bytes.toString());
    if (!Array.isArray(subvolumes)) return;
    for (const each of subvolumes as Record<string, unknown>[]) {
      const path = typeof each['path'] === 'string' ? each['path'] : '/';
      const snapshot = typeof each['snapshot'] === 'string' ? each['snapshot'] : '';
      const isPlain = path.startsWith('/') && !/[\u0000-\u001f\u007f]/.test(path) && (path === '/' || path.slice(1).split('/').every((step) => !['', '.', '..'].includes(step)));
      if (!isPlain || !this.backup.directories.has(snapshot)) throw new LxdError('bad-request', `Refused archive: ${headerName} names a strange subvolume`);
      this.#subvolumes.set(streamName(this.backup.layout, { snapshot, path }), { snapshot, path });
    }
  }

  async #leave(): Promise<void> {
    if (!this.#open) return;
    const { key, part } = this.#open;
    await part.end();
    this.#done.add(key);
    this.#open = undefined;
  }
}

async function unpackFromSquashfs(host: Host, backup: UnpackBackup, expected: ExpectedBackup): Promise<void> {
  if (backup.optimized || backup.layout.suffix !== '') throw new LxdError('unsupported', 'Backups of streams and block volumes are not read from squashfs');
  for (const [snapshot, directory] of backup.directories) {
    const jail = { target: directory, image: backup.file };
    const dropped = await checkSquashfs(host, jail, new BackupRules(expected), backup.signal);
    const tree = treeName(backup.layout, snapshot);
    await unpackSquashfsTree(host, jail, { tree, dropped: dropped.filter((name) => !`${tree}/`.startsWith(`${name}/`)) }, backup.signal);
  }
}

/** What no check of entries can see: a stream's device nodes and links at the top, and ids that a server without idmapped mounts left shifted. */
async function settle(host: Host, backup: UnpackBackup, snapshot: string, directory: string): Promise<void> {
  const isInstance = backup.layout.volume === 'container';
  if (backup.optimized) {
    await host.files.removeDevices(directory);
    if (isInstance) await requireHonestTop(host, directory);
  }
  const root = isInstance ? join(directory, 'rootfs') : directory;
  const kind = (await host.files.stat(root))?.kind;
  if (kind === undefined) return; // an instance that was made empty
  if (kind !== 'directory') throw new LxdError('bad-request', `Refused archive: unexpected ${kind}: "rootfs"`);
  const shift = backup.shifts.get(snapshot) ?? [];
  if (shift.length === 0) return;
  const plan = `${directory}.owners`;
  await host.owners.change(root, { from: shift, to: [] }, plan);
  await host.files.remove(plan);
}

/** Of a received stream: links at the top would lead the host astray. */
async function requireHonestTop(host: Host, directory: string): Promise<void> {
  const kinds: Record<string, string> = { rootfs: 'directory', templates: 'directory', 'metadata.yaml': 'file', 'backup.yaml': 'file' };
  for (const name of await host.files.readdir(directory)) {
    const kind = (await host.files.stat(join(directory, name)))?.kind;
    if (kinds[name] === undefined) await host.files.remove(join(directory, name));
    else if (kind !== kinds[name]) throw new LxdError('bad-request', `Refused archive: unexpected ${kind ?? 'nothing'}: ${JSON.stringify(name)}`);
  }
  const templates = join(directory, 'templates');
  if (!(await host.files.exists(templates))) return;
  for (const name of await host.files.readdir(templates)) {
    if ((await host.files.stat(join(templates, name)))?.kind !== 'file') throw new LxdError('bad-request', `Refused archive: unexpected template: ${JSON.stringify(name)}`);
  }
}
