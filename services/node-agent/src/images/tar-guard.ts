import type { ArchiveEntry, Verdict } from './archive-rules.js';
import { corrupt, isZeroBlock, kindOf, parseDecimal, parsePaxRecords, parseTarHeader, sparseMapGoesOn, tarBlockBytes, type TarHeader } from './tar-header.js';

/** Pax headers and long names above this are no names. */
const maxExtensionBytes = 1024 * 1024;

/** What the extension headers before an entry said of it. */
interface Overrides {
  name?: string;
  /** GNU's name of a sparse file; it wins over the other. */
  sparseName?: string;
  linkName?: string;
  size?: number;
  realSize?: number;
}

/** Who decides over the entries. */
export interface TarRules {
  admit(entry: ArchiveEntry): Verdict;
  countStream(bytes: number): void;
}

/** Where what was admitted goes. */
export interface TarSink {
  push(...pieces: Buffer[]): unknown;
}

type Extension = { typeFlag: 'x' | 'g' | 'L' | 'K'; bytes: Buffer[] };

/**
 * Reads a tar stream as it passes and lets through only what the rules admit, so that `tar` never sees a refused entry. In:
 * chunks of any size; out: pieces of the same bytes, in order, always whole blocks. Throws at the first hostile or malformed header.
 */
export class TarGuard {
  #rest: Buffer = Buffer.alloc(0);
  /** Blocks whose entry is not decided yet: extension headers and their contents. */
  #pending: Buffer[] = [];
  #overrides: Overrides = {};
  #extension: Extension | undefined;
  /** Bytes of contents still to come, padding included. */
  #contents = 0;
  /** Contents of the current entry that are not padding; only counted for extensions. */
  #contentsWanted = 0;
  #keep = false;
  #inSparseMap = false;
  #zeroBlocks = 0;
  #streamed = 0;

  constructor(private readonly rules: TarRules) {}

  /** Set when the end mark was seen; what follows it is of no interest. */
  get ended(): boolean {
    return this.#zeroBlocks >= 2;
  }

  push(chunk: Buffer): Buffer[] {
    const out: Buffer[] = [];
    this.pass(chunk, out);
    return out;
  }

  /** The same into a sink, which sees each entry's headers in one call, right after the rules admitted it, and then its contents. */
  pass(chunk: Buffer, out: TarSink): void {
    this.rules.countStream((this.#streamed += chunk.length));
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    let at = 0;
    while (!this.ended && bytes.length - at >= tarBlockBytes) {
      if (this.#contents > 0) at += this.#passContents(bytes, at, out);
      else {
        this.#takeBlock(bytes.subarray(at, at + tarBlockBytes), out);
        at += tarBlockBytes;
      }
    }
    this.#rest = this.ended ? Buffer.alloc(0) : Buffer.from(bytes.subarray(at));
  }

  /** Throws when the stream stopped in the middle of something; a missing end mark is forgiven, as tar forgives it. */
  finish(): void {
    if (this.ended) return;
    if (this.#rest.length > 0 || this.#contents > 0 || this.#inSparseMap || this.#pending.length > 0) throw corrupt('unexpected end of archive');
    if (this.#streamed === 0) throw corrupt('archive is empty');
  }

  #passContents(bytes: Buffer, at: number, out: TarSink): number {
    const available = bytes.length - at - ((bytes.length - at) % tarBlockBytes);
    const length = Math.min(this.#contents, available);
    const piece = bytes.subarray(at, at + length);
    if (this.#extension) {
      this.#extension.bytes.push(Buffer.from(piece.subarray(0, Math.min(length, this.#contentsWanted))));
      this.#contentsWanted -= Math.min(length, this.#contentsWanted);
      this.#pending.push(Buffer.from(piece));
    } else if (this.#keep) out.push(piece);
    this.#contents -= length;
    if (this.#contents === 0 && this.#extension) this.#closeExtension();
    return length;
  }

  #takeBlock(block: Buffer, out: TarSink): void {
    if (this.#inSparseMap) {
      if (this.#keep) out.push(block);
      this.#inSparseMap = sparseMapGoesOn(block);
      if (!this.#inSparseMap) this.#contents = padded(this.#contentsWanted);
      return;
    }
    if (isZeroBlock(block)) {
      if (this.#pending.length > 0) throw corrupt('extension header without entry');
      this.#zeroBlocks += 1;
      out.push(block);
      return;
    }
    if (this.#zeroBlocks > 0) throw corrupt('data after a zero block');
    const header = parseTarHeader(block);
    if ('xgLK'.includes(header.typeFlag)) this.#openExtension(header, block);
    else this.#takeEntry(header, block, out);
  }

  #openExtension(header: TarHeader, block: Buffer): void {
    if (header.size > maxExtensionBytes) throw corrupt('extension header is too large');
    this.#pending.push(Buffer.from(block));
    this.#extension = { typeFlag: header.typeFlag as Extension['typeFlag'], bytes: [] };
    this.#contentsWanted = header.size;
    this.#contents = padded(header.size);
    if (this.#contents === 0) this.#closeExtension();
  }

  #closeExtension(): void {
    const { typeFlag, bytes } = this.#extension!;
    this.#extension = undefined;
    const contents = Buffer.concat(bytes);
    if (typeFlag === 'L') this.#override('name', cString(contents));
    else if (typeFlag === 'K') this.#override('linkName', cString(contents));
    else this.#takePax(parsePaxRecords(contents), typeFlag === 'g');
  }

  #takePax(records: Map<string, string>, isGlobal: boolean): void {
    for (const [key, value] of records) {
      const isStructural = key === 'path' || key === 'linkpath' || key === 'size' || key.startsWith('GNU.');
      if (isGlobal && isStructural) throw corrupt(`global pax header sets ${key}`);
      if (key === 'path') this.#override('name', value);
      else if (key === 'GNU.sparse.name') this.#override('sparseName', value);
      else if (key === 'linkpath') this.#override('linkName', value);
      else if (key === 'size') this.#overrides.size = parseDecimal(value, 'size');
      else if (key === 'GNU.sparse.realsize' || key === 'GNU.sparse.size') this.#overrides.realSize = parseDecimal(value, key);
      else if (key.startsWith('GNU.') && !key.startsWith('GNU.sparse.')) throw corrupt(`unsupported pax record ${key}`);
    }
  }

  /** Two names for one entry might be read one way here and another way by tar. */
  #override(field: 'name' | 'sparseName' | 'linkName', value: string): void {
    if (this.#overrides[field] !== undefined) throw corrupt('entry with two names');
    if (value === '' || value.includes('\0')) throw corrupt('empty or cut name');
    this.#overrides[field] = value;
  }

  #takeEntry(header: TarHeader, block: Buffer, out: TarSink): void {
    const name = this.#overrides.sparseName ?? this.#overrides.name ?? header.name;
    const size = header.typeFlag === '1' ? 0 : (this.#overrides.size ?? header.size);
    const declared = kindOf(header.typeFlag);
    const kind = declared === 'file' && name.endsWith('/') ? 'directory' : declared;
    if (kind === undefined) throw corrupt(`unsupported entry type ${JSON.stringify(header.typeFlag)}`);
    if (kind !== 'file' && (size > 0 || (this.#overrides.size ?? 0) > 0)) throw corrupt(`${kind} with contents`);
    const linkName = this.#overrides.linkName ?? header.linkName;
    const realSize = Math.max(size, this.#overrides.realSize ?? header.realSize ?? 0);
    this.#keep = this.rules.admit({ name, kind, linkName, size: realSize, isWhiteout: header.isNullDevice }) === 'keep';
    if (this.#keep) out.push(...this.#pending, block);
    this.#pending = [];
    this.#overrides = {};
    this.#inSparseMap = header.isExtended;
    this.#contentsWanted = size;
    this.#contents = header.isExtended ? 0 : padded(size);
  }
}

function padded(size: number): number {
  return Math.ceil(size / tarBlockBytes) * tarBlockBytes;
}

function cString(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('latin1', 0, end < 0 ? bytes.length : end);
}
