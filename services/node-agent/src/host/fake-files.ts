import { posix } from 'node:path';
import { Readable, Writable } from 'node:stream';
import type { DeviceNumber, Files, FileStat, Ownership } from './files.js';

interface Entry {
  kind: 'file' | 'directory' | 'symlink';
  content: Buffer;
  target: string;
  mode: number;
  uid: number;
  gid: number;
}

/** A file tree in memory; parents are made as needed by `put`, and must exist otherwise. */
export class FakeFiles implements Files {
  private readonly entries = new Map<string, Entry>([['/', directory({})]]);

  /** For tests: a file and its parents. */
  put(path: string, content: string | Uint8Array = '', ownership: Ownership = {}): this {
    this.makeParents(path);
    this.entries.set(path, { ...directory(ownership), kind: 'file', content: Buffer.from(content), mode: ownership.mode ?? 0o600 });
    return this;
  }

  /** For tests: every path with its content, sorted; directories end in "/". */
  tree(under = '/'): Record<string, string> {
    const rows = [...this.entries].filter(([path]) => path.startsWith(under) && path !== '/').sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(
      rows.map(([path, entry]) => (entry.kind === 'directory' ? [`${path}/`, ''] : [path, entry.kind === 'symlink' ? `-> ${entry.target}` : entry.content.toString()])),
    );
  }

  async read(path: string): Promise<Buffer> {
    const entry = this.follow(path);
    if (entry.kind !== 'file') throw failure('EISDIR', path);
    return entry.content;
  }
  async readText(path: string): Promise<string> {
    return (await this.read(path)).toString();
  }
  async write(path: string, content: string | Uint8Array, ownership: Ownership = {}): Promise<void> {
    this.requireParent(path);
    this.entries.set(path, { ...directory(ownership), kind: 'file', content: Buffer.from(content), mode: ownership.mode ?? 0o600 });
  }
  async replace(path: string, content: string | Uint8Array, ownership: Ownership = {}): Promise<void> {
    await this.write(path, content, ownership);
  }
  async writePlain(path: string, content: string | Uint8Array, ownership: Ownership = {}): Promise<void> {
    await this.write(path, content, ownership);
  }
  async writeControl(path: string, value: string): Promise<void> {
    this.follow(path).content = Buffer.from(value);
  }
  async append(path: string, content: string | Uint8Array): Promise<void> {
    const before = this.entries.get(path)?.content ?? Buffer.alloc(0);
    await this.write(path, Buffer.concat([before, Buffer.from(content)]));
  }
  readStream(path: string): Readable {
    return Readable.from([this.follow(path).content]);
  }
  async sync(): Promise<void> {}
  async spread(): Promise<void> {}

  async *readChunks(path: string): AsyncIterable<Buffer> {
    yield this.follow(path).content;
  }
  writeStream(path: string, ownership?: Ownership): Writable {
    const chunks: Buffer[] = [];
    return new Writable({
      write: (chunk: Buffer, _encoding, done) => (chunks.push(chunk), done()),
      final: (done) => void this.write(path, Buffer.concat(chunks), ownership).then(() => done(), done),
    });
  }
  /** For tests: nodes that are there, and what is told of changes in directories. */
  readonly nodes = new Map<string, DeviceNumber>();
  readonly watched = new Map<string, () => void>();

  async device(path: string): Promise<DeviceNumber | 'none' | undefined> {
    return this.nodes.get(path) ?? (this.entries.has(path) ? 'none' : undefined);
  }
  async makeNode(path: string, device: DeviceNumber, ownership: Required<Ownership>): Promise<void> {
    await this.write(path, `${device.kind} ${device.major}:${device.minor} ${ownership.mode.toString(8)} ${ownership.uid}:${ownership.gid}`);
    this.nodes.set(path, device);
  }
  watch(directory: string, changed: () => void): { stop(): void } {
    this.watched.set(directory, changed);
    return { stop: () => void this.watched.delete(directory) };
  }
  async exists(path: string): Promise<boolean> {
    return this.entries.has(path);
  }
  async stat(path: string): Promise<FileStat | undefined> {
    const entry = this.entries.get(path);
    return entry && { kind: entry.kind, mode: entry.mode, uid: entry.uid, gid: entry.gid, size: entry.content.length, mtimeMs: 0 };
  }
  async mkdir(path: string, ownership: Ownership = {}): Promise<void> {
    this.makeParents(path);
    if (!this.entries.has(path)) this.entries.set(path, directory(ownership));
  }
  async removeSmallTree(path: string): Promise<boolean> {
    await this.remove(path);
    return true;
  }

  async remove(path: string): Promise<void> {
    for (const at of [...this.entries.keys()]) if (at === path || at.startsWith(`${path}/`)) this.entries.delete(at);
  }
  async removeDevices(): Promise<void> {}
  async rename(from: string, to: string): Promise<void> {
    this.get(from);
    this.requireParent(to);
    await this.remove(to);
    for (const [at, entry] of [...this.entries]) {
      if (at !== from && !at.startsWith(`${from}/`)) continue;
      this.entries.delete(at);
      this.entries.set(to + at.slice(from.length), entry);
    }
  }
  async chmod(path: string, mode: number): Promise<void> {
    this.follow(path).mode = mode;
  }
  async chown(path: string, uid: number, gid: number): Promise<void> {
    Object.assign(this.get(path), { uid, gid });
  }
  async readdir(path: string): Promise<string[]> {
    if (this.follow(path).kind !== 'directory') throw failure('ENOTDIR', path);
    const prefix = path === '/' ? '/' : `${path}/`;
    return [...this.entries.keys()].filter((at) => at !== '/' && at.startsWith(prefix) && !at.slice(prefix.length).includes('/')).map((at) => at.slice(prefix.length)).sort();
  }
  async exchange(first: string, second: string): Promise<void> {
    const [a, b] = [this.get(first), this.get(second)];
    this.entries.set(first, b).set(second, a);
  }
  async sparse(path: string, bytes: number, ownership: Ownership = {}): Promise<void> {
    await this.write(path, Buffer.alloc(bytes), ownership);
  }
  async isBlockDevice(path: string): Promise<boolean> {
    return this.nodes.get(path)?.kind === 'block';
  }
  async symlink(target: string, path: string): Promise<void> {
    this.requireParent(path);
    this.entries.set(path, { ...directory({}), kind: 'symlink', target, mode: 0o777 });
  }
  async readlink(path: string): Promise<string> {
    const entry = this.get(path);
    if (entry.kind !== 'symlink') throw failure('EINVAL', path);
    return entry.target;
  }
  async realpath(path: string): Promise<string> {
    const entry = this.get(path);
    return entry.kind === 'symlink' ? this.realpath(posix.resolve(posix.dirname(path), entry.target)) : path;
  }
  async space(): Promise<{ totalBytes: number; usedBytes: number; freeBytes: number; totalInodes: number; freeInodes: number }> {
    return { totalBytes: 100 * 2 ** 30, usedBytes: 50 * 2 ** 30, freeBytes: 50 * 2 ** 30, totalInodes: 1_000_000, freeInodes: 900_000 };
  }

  private get(path: string): Entry {
    const entry = this.entries.get(path);
    if (!entry) throw failure('ENOENT', path);
    return entry;
  }
  private follow(path: string): Entry {
    const entry = this.get(path);
    return entry.kind === 'symlink' ? this.follow(posix.resolve(posix.dirname(path), entry.target)) : entry;
  }
  private requireParent(path: string): void {
    if (this.get(posix.dirname(path)).kind === 'file') throw failure('ENOTDIR', path);
  }
  private makeParents(path: string): void {
    const parent = posix.dirname(path);
    if (this.entries.has(parent)) return;
    this.makeParents(parent);
    this.entries.set(parent, directory({}));
  }
}

function directory(ownership: Ownership): Entry {
  return { kind: 'directory', content: Buffer.alloc(0), target: '', mode: ownership.mode ?? 0o711, uid: ownership.uid ?? 0, gid: ownership.gid ?? 0 };
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: '${path}'`), { code, path });
}
