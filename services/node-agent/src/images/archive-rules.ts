import { LxdError } from '@asterism/errors';
import type { TarKind } from './tar-header.js';

/** What an archive claims to contain; names are latin1. */
export interface ArchiveEntry {
  name: string;
  kind: TarKind;
  /** Of symlinks and hard links. */
  linkName: string;
  /** What the file takes once written, holes included. */
  size: number;
  /** The character device 0:0, by which overlays hide a file: it opens nothing. */
  isWhiteout?: boolean;
}

/** Which archive of an image it is: both in one, the metadata alone, or the root file system alone. */
export type ArchiveRole = 'unified' | 'metadata' | 'rootfs';

/** "drop" leaves the entry out without failing: device nodes, and names at the top that no image has. */
export type Verdict = 'keep' | 'drop';

/** Below this nothing is called a bomb; above it no honest image unpacks to more than `maxRatio` times its file (lastlog's holes included). */
const smallBytes = 2 * 1024 ** 3;
const maxRatio = 250;
const maxEntries = 2_000_000;
const maxNameBytes = 4000;

/** Decides over every entry of one archive, in order. It throws at the first that has no place in an image. */
export class ArchiveRules {
  readonly #seen = new Map<string, TarKind>();
  #hasSymlinks = false;
  #bytes = 0;
  #entries = 0;

  constructor(
    readonly role: ArchiveRole,
    /** Size of the image file. */
    private readonly archiveBytes: number,
  ) {}

  admit(entry: ArchiveEntry): Verdict {
    const path = cleanPath(entry.name, 'name');
    this.#count(entry.size);
    if (!this.#belongs(path, entry)) return 'drop';
    if ((entry.kind === 'character-device' && !entry.isWhiteout) || entry.kind === 'block-device') return 'drop';
    this.#refuseSymlinkedParent(path, 'name');
    if (entry.kind === 'hardlink') this.#checkHardLink(entry);
    this.#remember(path, entry.kind);
    return 'keep';
  }

  /** Bytes that came out of the decompressor, whatever they were. */
  countStream(bytes: number): void {
    if (this.#isBomb(bytes)) throw tooLarge();
  }

  #count(size: number): void {
    this.#entries += 1;
    this.#bytes += size;
    if (this.#entries > maxEntries) throw new LxdError('bad-request', `Refused archive: it has more than ${maxEntries} entries`);
    if (this.#isBomb(this.#bytes)) throw tooLarge();
  }

  #isBomb(bytes: number): boolean {
    return bytes > smallBytes && bytes > this.archiveBytes * maxRatio;
  }

  /** Outside rootfs/ an image has metadata.yaml and the files of templates/, nothing else. */
  #belongs(path: string, entry: ArchiveEntry): boolean {
    if (this.role === 'rootfs') return true;
    const [top = '', ...rest] = path.split('/');
    if (top === '') return false;
    if (top === 'metadata.yaml') return rest.length === 0 && mustBe(entry, 'file');
    if (top === 'templates') return mustBe(entry, ...(rest.length === 0 ? ['directory' as const] : ['file' as const, 'directory' as const]));
    if (top !== 'rootfs' || this.role === 'metadata') return false;
    return rest.length > 0 || mustBe(entry, 'directory');
  }

  #checkHardLink(entry: ArchiveEntry): void {
    const target = cleanPath(entry.linkName, 'hard link');
    this.#refuseSymlinkedParent(target, 'hard link');
    const kind = this.#seen.get(target);
    if (kind === undefined || kind === 'directory' || (this.role === 'unified' && !target.startsWith('rootfs/'))) {
      throw hostile('hard link leads out of the image or to nothing', `${entry.name} -> ${entry.linkName}`);
    }
  }

  #refuseSymlinkedParent(path: string, what: string): void {
    if (!this.#hasSymlinks) return;
    for (let slash = path.indexOf('/'); slash > 0; slash = path.indexOf('/', slash + 1)) {
      if (this.#seen.get(path.slice(0, slash)) === 'symlink') throw hostile(`${what} passes through a symlink`, path);
    }
  }

  #remember(path: string, kind: TarKind): void {
    const earlier = this.#seen.get(path);
    if (earlier !== undefined && (earlier !== 'directory' || kind !== 'directory')) throw hostile('duplicate entry', path);
    this.#seen.set(path, kind);
    if (kind === 'symlink') this.#hasSymlinks = true;
  }
}

/** Without "./" and a closing slash; empty for the root itself. */
function cleanPath(name: string, what: string): string {
  if (/[\x00-\x1f\x7f]/.test(name)) throw hostile(`control character in ${what}`, name);
  if (name.length > maxNameBytes) throw hostile(`${what} is too long`, name.slice(0, 100));
  if (name.startsWith('/')) throw hostile(`absolute ${what}`, name);
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw hostile(`".." in ${what}`, name);
  return parts.join('/');
}

function mustBe(entry: ArchiveEntry, ...kinds: TarKind[]): true {
  if (kinds.includes(entry.kind)) return true;
  throw hostile(`unexpected ${entry.kind}`, entry.name);
}

function hostile(what: string, name: string): LxdError {
  return new LxdError('bad-request', `Refused archive: ${what}: ${JSON.stringify(Buffer.from(name, 'latin1').toString())}`);
}

function tooLarge(): LxdError {
  return new LxdError('bad-request', 'Refused archive: it unpacks to far more than its own size');
}
