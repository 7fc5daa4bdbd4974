import { join } from 'node:path';
import { LxdError } from '@asterism/errors';
import type { agentFiles, common } from '@asterism/proto';
import type { CallContext, Service } from '@asterism/rpc';
import type { IdRange } from '../devices/device.js';
import type { Host } from '../host/host.js';
import type { GuestAnswer, GuestFiles, GuestRequest, GuestRoot } from '../host/guest-files.js';
import { toGuestId, toHostId } from './guest-ids.js';
import { isLogName, requireLogName } from './logs.js';
import type { InstancePlace, InstancePlaces } from './place.js';
import { readMetadata, writeMetadata } from './metadata.js';
import { deleteTemplate, listTemplates, readTemplate, writeTemplate } from './template-files.js';

type PushHeader = agentFiles.PushHeader;

/** Files and logs of instances on this host. */
export class FilesHandler implements Service<typeof agentFiles.AgentFilesDefinition> {
  constructor(
    private readonly host: Host,
    private readonly guests: GuestFiles,
    private readonly places: InstancePlaces,
  ) {}

  async *pull(_call: CallContext, request: agentFiles.FileRef): AsyncIterable<agentFiles.FileFrame> {
    const place = this.places.place(request.instance_id);
    const { facts, entries, fd } = await this.#request(place, { op: 'open-read', path: absolute(request.path) });
    if (!facts || (facts.type === 'file') !== (fd !== undefined)) throw new LxdError('internal', 'the file changed while it was opened');
    if (facts.type === 'other') throw new LxdError('bad-request', 'Not a regular file, directory or symlink');
    const map = await place.ids();
    yield {
      part: {
        $case: 'header',
        value: {
          type: facts.type,
          mode: facts.mode,
          uid: toGuestId(map, 'isUid', facts.uid),
          gid: toGuestId(map, 'isGid', facts.gid),
          size_bytes: facts.sizeBytes,
          modified_ms: facts.modifiedMs,
          entries: entries ?? [],
        },
      },
    };
    if (fd !== undefined) yield* chunks(this.guests.readExactly(fd, facts.sizeBytes));
  }

  async push(_call: CallContext, frames: AsyncIterable<agentFiles.PushFrame>): Promise<common.Empty> {
    const parts = frames[Symbol.asyncIterator]();
    try {
      await this.#push(await firstHeader(parts), bytesOf(parts));
    } finally {
      await parts.return?.();
    }
    return {};
  }

  async delete(_call: CallContext, request: agentFiles.FileRef): Promise<common.Empty> {
    await this.#request(this.places.place(request.instance_id), { op: 'remove', path: absolute(request.path) });
    return {};
  }

  async listLogs(_call: CallContext, request: agentFiles.LogRef): Promise<agentFiles.LogNames> {
    const { logsDir } = this.places.place(request.instance_id);
    const names = await this.host.files.readdir(logsDir).catch(() => []);
    return { names: names.filter(isLogName).sort() };
  }

  readLog(_call: CallContext, request: agentFiles.LogRef): AsyncIterable<agentFiles.FileFrame> {
    requireLogName(request.file);
    return this.#readLog(join(this.places.place(request.instance_id).logsDir, request.file));
  }

  async deleteLog(_call: CallContext, request: agentFiles.LogRef): Promise<common.Empty> {
    requireLogName(request.file);
    if (!/^(exec_|migration_|snapshot_)/.test(request.file)) throw new LxdError('bad-request', 'Only log files excluding qemu.log and lxc.log may be deleted');
    await this.host.files.remove(join(this.places.place(request.instance_id).logsDir, request.file));
    return {};
  }

  readConsoleLog(_call: CallContext, request: agentFiles.LogRef): AsyncIterable<agentFiles.FileFrame> {
    return this.#readLog(join(this.places.place(request.instance_id).logsDir, 'console.log'));
  }

  async clearConsoleLog(_call: CallContext, request: agentFiles.LogRef): Promise<common.Empty> {
    const path = join(this.places.place(request.instance_id).logsDir, 'console.log');
    if (await this.host.files.exists(path)) await this.host.files.writeControl(path, '');
    return {};
  }

  async getMetadata(_call: CallContext, request: agentFiles.TemplateRef): Promise<common.Document> {
    return readMetadata(this.guests, this.places.place(request.instance_id));
  }

  async putMetadata(_call: CallContext, request: agentFiles.WriteMetadata): Promise<common.Empty> {
    await writeMetadata(this.guests, this.places.place(request.instance_id), request);
    return {};
  }

  async listTemplates(_call: CallContext, request: agentFiles.TemplateRef): Promise<agentFiles.TemplateNames> {
    return { names: await listTemplates(this.guests, this.places.place(request.instance_id)) };
  }

  readTemplate(_call: CallContext, request: agentFiles.TemplateRef): AsyncIterable<agentFiles.FileFrame> {
    return readTemplate(this.guests, this.places.place(request.instance_id), request.path);
  }

  async writeTemplate(_call: CallContext, frames: AsyncIterable<agentFiles.PushFrame>): Promise<common.Empty> {
    const parts = frames[Symbol.asyncIterator]();
    const { instance_id, path } = (await firstHeader(parts)).file ?? { instance_id: '', path: '' };
    await writeTemplate(this.guests, this.places.place(instance_id), path, bytesOf(parts));
    return {};
  }

  async deleteTemplate(_call: CallContext, request: agentFiles.TemplateRef): Promise<common.Empty> {
    await deleteTemplate(this.guests, this.places.place(request.instance_id), request.path);
    return {};
  }

  async #push(header: PushHeader, content: AsyncIterable<Uint8Array>): Promise<void> {
    const place = this.places.place(header.file?.instance_id ?? '');
    const path = absolute(header.file?.path ?? '');
    const owner = ownership(await place.ids(), header);
    if (header.type === 'directory') return void (await this.#request(place, { op: 'make-directory', path, ...owner }));
    if (header.type === 'symlink') {
      const target = Buffer.concat(await gather(content, 4096)).toString();
      return void (await this.#request(place, { op: 'make-symlink', path, target, ...owner }));
    }
    const { fd, created } = await this.#request(place, { op: 'open-write', path, append: header.write === 'append', ...owner });
    try {
      await this.guests.writeAll(fd!, content);
    } catch (error) {
      if (created) await this.#request(place, { op: 'remove', path }).catch(() => undefined);
      throw diskError(error);
    } finally {
      await this.guests.close(fd!);
    }
  }

  async #request(place: InstancePlace, request: GuestRequest): Promise<GuestAnswer> {
    try {
      return await this.guests.request(await guestRoot(place), request);
    } catch (error) {
      throw pathError(error, request);
    }
  }

  async *#readLog(path: string): AsyncIterable<agentFiles.FileFrame> {
    const stat = await this.host.files.stat(path);
    if (stat?.kind !== 'file') throw new LxdError('not-found', 'Not Found');
    yield {
      part: { $case: 'header', value: { type: 'file', mode: stat.mode, uid: stat.uid, gid: stat.gid, size_bytes: stat.size, modified_ms: Math.floor(stat.mtimeMs), entries: [] } },
    };
    yield* chunks(this.host.files.readStream(path) as AsyncIterable<Buffer>);
  }
}

async function firstHeader(parts: AsyncIterator<agentFiles.PushFrame>): Promise<PushHeader> {
  const first = (await parts.next()).value as agentFiles.PushFrame | undefined;
  if (first?.part?.$case !== 'header') throw new LxdError('bad-request', 'The first frame of a push is its header');
  return first.part.value;
}

async function* chunks(content: AsyncIterable<Buffer>): AsyncIterable<agentFiles.FileFrame> {
  for await (const value of content) yield { part: { $case: 'chunk', value } };
}

async function* bytesOf(frames: AsyncIterator<agentFiles.PushFrame>): AsyncIterable<Uint8Array> {
  for (let next = await frames.next(); !next.done; next = await frames.next()) {
    if (next.value.part?.$case === 'chunk') yield next.value.part.value;
  }
}

async function gather(content: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Uint8Array[]> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of content) {
    bytes += part.length;
    if (bytes > maxBytes) throw new LxdError('bad-request', 'The target of a symlink is longer than a path may be');
    parts.push(part);
  }
  return parts;
}

function absolute(path: string): string {
  if (path === '') throw new LxdError('bad-request', 'Missing path argument');
  if (path.includes('\0')) throw new LxdError('bad-request', 'Invalid path');
  return path.startsWith('/') ? path : `/${path}`;
}

/** Running: through the first process, idmapped mounts and all. Stopped: the volume itself. */
async function guestRoot(place: InstancePlace): Promise<GuestRoot> {
  const map = await place.ids();
  return {
    root: place.pid === undefined ? join(place.volumePath, 'rootfs') : `/proc/${place.pid}/root`,
    owner: { uid: toHostId(map, 'isUid', 0), gid: toHostId(map, 'isGid', 0) },
  };
}

function ownership(map: readonly IdRange[], { mode, uid, gid }: PushHeader): { mode?: number; uid?: number; gid?: number } {
  return {
    ...(mode >= 0 ? { mode: mode & 0o7777 } : {}),
    ...(uid >= 0 ? { uid: toHostId(map, 'isUid', uid) } : {}),
    ...(gid >= 0 ? { gid: toHostId(map, 'isGid', gid) } : {}),
  };
}

const words: Record<string, string> = {
  EEXIST: 'file already exists',
  ENOTDIR: 'not a directory',
  EISDIR: 'is a directory',
  ENOTEMPTY: 'directory not empty',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  ELOOP: 'too many levels of symbolic links',
  ENAMETOOLONG: 'file name too long',
  EROFS: 'read-only file system',
  ENXIO: 'no such device or address',
  EINVAL: 'invalid argument',
};

function pathError(error: unknown, request: GuestRequest): LxdError {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (error instanceof LxdError) return error;
  if (code === 'ENOENT') return new LxdError('not-found', 'Not Found', { cause: error });
  if (code in words) return new LxdError('bad-request', `${request.op.replace('-', ' ')} ${request.path}: ${words[code]}`, { cause: error });
  return diskError(error);
}

function diskError(error: unknown): LxdError {
  if (error instanceof LxdError) return error;
  const code = (error as NodeJS.ErrnoException).code;
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  return new LxdError('internal', full ? 'no space left on device' : ((error as Error).message ?? String(error)), { cause: error });
}
