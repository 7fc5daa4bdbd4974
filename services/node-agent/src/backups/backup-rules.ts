import { LxdError } from '@asterism/errors';
import { ArchiveRules, type ArchiveEntry, type Verdict } from '../images/archive-rules.js';
import type { TarRules } from '../images/tar-guard.js';
import { streamName, treeName, type ArchiveLayout } from './trees.js';

/** A part of a backup that an entry belongs to. */
export type BackupPart =
  | { kind: 'tree'; snapshot: string; prefix: string }
  | { kind: 'stream'; name: string; size: number }
  | { kind: 'header'; name: string; size: number }
  | { kind: 'block'; snapshot: string; name: string; size: number };

export interface ExpectedBackup {
  layout: ArchiveLayout;
  snapshots: readonly string[];
  /** Size of the archive's file. */
  archiveBytes: number;
  optimized: boolean;
}

export const headerName = 'backup/optimized_header.yaml';
const maxHeaderBytes = 1024 * 1024;

/**
 * Decides over every entry of a backup, in order, and says which part it belongs to. Trees are held to the rules of images: of an
 * instance its metadata, templates and root file system, of a custom volume everything but device nodes.
 */
export class BackupRules implements TarRules {
  /** Of the entry that was admitted last. */
  part: BackupPart | undefined;
  readonly #prefixes: { snapshot: string; prefix: string }[];
  readonly #rules = new Map<string, ArchiveRules>();
  readonly #stream: ArchiveRules;
  readonly #seen = new Set<string>();

  constructor(private readonly expected: ExpectedBackup) {
    const { layout, snapshots } = expected;
    this.#prefixes = ['', ...snapshots].map((snapshot) => ({ snapshot, prefix: treeName(layout, snapshot) }));
    this.#stream = new ArchiveRules('rootfs', expected.archiveBytes);
  }

  admit(entry: ArchiveEntry): Verdict {
    this.part = this.#partOf(entry);
    if (!this.part) return 'drop';
    if (this.part.kind !== 'tree') return 'keep';
    const { prefix } = this.part;
    const linkName = entry.kind === 'hardlink' ? within(entry.linkName, prefix) : entry.linkName;
    if (linkName === undefined) throw hostile('hard link leads out of its tree', entry.name);
    return this.#rulesOf(prefix).admit({ ...entry, name: within(entry.name, prefix) ?? '', linkName });
  }

  countStream(bytes: number): void {
    this.#stream.countStream(bytes);
  }

  #partOf({ name: raw, kind, size }: ArchiveEntry): BackupPart | undefined {
    const name = raw.replace(/^\.\//, '');
    const { layout, optimized } = this.expected;
    if (optimized) {
      const stream = this.#prefixes.some(({ snapshot }) => isStreamOf(name, streamName(layout, { snapshot, path: '/' })));
      if (name === headerName) return this.#file({ kind: 'header', name, size }, kind, maxHeaderBytes);
      return stream ? this.#file({ kind: 'stream', name, size }, kind) : undefined;
    }
    if (layout.suffix !== '') {
      const block = this.#prefixes.find(({ prefix }) => name === `${prefix}${layout.suffix}`);
      return block && this.#file({ kind: 'block', snapshot: block.snapshot, name, size }, kind);
    }
    const tree = this.#prefixes.find(({ prefix }) => within(name, prefix) !== undefined);
    return tree && { kind: 'tree', ...tree };
  }

  #file<P extends BackupPart & { name: string }>(part: P, kind: ArchiveEntry['kind'], maxBytes = Number.MAX_SAFE_INTEGER): P {
    if (kind !== 'file') throw hostile(`unexpected ${kind}`, part.name);
    if (this.#seen.has(part.name)) throw hostile('duplicate entry', part.name);
    if (part.kind !== 'tree' && part.size > maxBytes) throw hostile('entry is too large', part.name);
    this.#seen.add(part.name);
    return part;
  }

  #rulesOf(prefix: string): ArchiveRules {
    const known = this.#rules.get(prefix) ?? new ArchiveRules(this.expected.layout.volume === 'volume' ? 'rootfs' : 'unified', this.expected.archiveBytes);
    this.#rules.set(prefix, known);
    return known;
  }
}

/** "backup/container.bin", or "backup/container_<nested>.bin" beside it. */
function isStreamOf(name: string, own: string): boolean {
  return name === own || (name.startsWith(`${own.slice(0, -'.bin'.length)}_`) && name.endsWith('.bin') && !name.slice(own.length - 3).includes('/'));
}

/** The name below a tree, "." for the tree itself; undefined for what lies elsewhere. */
function within(name: string, prefix: string): string | undefined {
  const plain = name.replace(/^\.\//, '');
  if (plain === prefix || plain === `${prefix}/`) return '.';
  return plain.startsWith(`${prefix}/`) ? `./${plain.slice(prefix.length + 1)}` : undefined;
}

export function hostile(what: string, name: string): LxdError {
  return new LxdError('bad-request', `Refused archive: ${what}: ${JSON.stringify(Buffer.from(name, 'latin1').toString())}`);
}
