import { join } from 'node:path';
import { LxdError } from '@asterism/errors';
import type { Host } from '../host/host.js';
import { jailed } from '../images/jail.js';
import { ended, written } from '../images/written.js';
import type { ReceiveStream, StreamReceiver } from '../storage/storage-driver.js';
import type { BackupPart } from './backup-rules.js';
import { renaming } from './write-backup.js';

/** A part of an archive while its bytes arrive: of a tree the tar stream, of everything else the contents. */
export type OpenPart = StreamReceiver;
export type OpenReceiver = (stream: ReceiveStream, signal?: AbortSignal) => Promise<StreamReceiver>;

/** Where a part goes. */
export interface Place {
  /** Of the tree. */
  directory?: string;
  /** Of a stream: the subvolume's path in the tree, and who receives it. */
  path?: string;
  receive?: OpenReceiver;
  /** Of the header: who reads it. */
  take?(bytes: Buffer): Promise<void>;
  signal?: AbortSignal | undefined;
}

const extract = ['tar', '--restrict', '--force-local', '-C', '/target', '--numeric-owner', '--preserve-permissions', '--same-owner', '--xattrs', '--xattrs-include=*', '-xf', '-'] as const;
const endMark = Buffer.alloc(1024);

export async function openPart(host: Host, part: BackupPart, place: Place): Promise<OpenPart> {
  switch (part.kind) {
    case 'tree':
      return openTree(host, part.prefix, place);
    case 'stream':
      return limited(await place.receive!({ directory: place.directory ?? '', path: place.path ?? '/' }, place.signal), part.size);
    case 'header':
      return limited(collected(place.take!), part.size);
    case 'block':
      return limited(blockFile(host, join(place.directory ?? '', 'root.img')), part.size);
  }
}

/** tar in a jail, reading what it is given. */
async function openTree(host: Host, prefix: string, { directory = '', signal }: Place): Promise<OpenPart> {
  const [command, ...options] = extract;
  const argv = await jailed(host, { target: directory }, [command, `--transform=${renaming(prefix, '.')}`, ...options]);
  const tar = host.spawn(argv, { signal });
  tar.stdout.resume();
  let words = '';
  tar.stderr.on('data', (chunk: Buffer) => (words = (words + chunk.toString()).slice(-512)));
  const succeeded = async (): Promise<void> => {
    const { code } = await tar.exited;
    if (code !== 0) throw new LxdError('internal', `Failed to unpack backup: ${words.trim() || `tar ended with ${code}`}`);
  };
  return {
    async write(bytes) {
      if (!(await written(tar.stdin, bytes))) await succeeded();
    },
    async end() {
      if (tar.stdin.writable) tar.stdin.end(endMark);
      await succeeded();
    },
    async abort() {
      tar.kill('SIGKILL');
      await tar.exited;
    },
  };
}

/** Without the padding that follows in the archive. */
function limited(part: OpenPart, size: number): OpenPart {
  let left = size;
  return {
    async write(bytes) {
      const mine = bytes.subarray(0, Math.min(left, bytes.length));
      left -= mine.length;
      if (mine.length > 0) await part.write(mine);
    },
    async end() {
      if (left > 0) throw new LxdError('bad-request', 'Corrupt tar archive: unexpected end of archive');
      await part.end();
    },
    abort: () => part.abort(),
  };
}

function collected(take: (bytes: Buffer) => Promise<void>): OpenPart {
  const chunks: Buffer[] = [];
  return {
    write: async (bytes) => void chunks.push(Buffer.from(bytes)),
    end: () => take(Buffer.concat(chunks)),
    abort: async () => undefined,
  };
}

function blockFile(host: Host, path: string): OpenPart {
  const out = host.files.writeStream(path);
  out.on('error', () => undefined);
  return {
    write: async (bytes) => void (await written(out, Buffer.from(bytes))),
    end: () => ended(out),
    abort: async () => void out.destroy(),
  };
}
