import { LxdError } from '@asterism/errors';
import type { agentBackups, common } from '@asterism/proto';
import type { CallContext, Service } from '@asterism/rpc';
import type { Host } from '../host/host.js';
import { isNoRoom } from '../host/no-room.js';
import { ended, written } from '../images/written.js';
import type { StorageHandler } from '../storage/storage.handler.js';
import { requireVolume } from '../storage/volume-maker.js';
import { backupsDirectory, partialOf, partialSuffix, receivedFile, receivedPrefix, workOf, writtenFile } from './backup-files.js';
import { readIndex } from './read-index.js';
import { writeBackup } from './write-backup.js';

/** A received backup that no task wanted for so long was left by one that never began. */
const forgottenMs = 24 * 60 * 60 * 1000;

/** AgentBackups: the backup files of this member. */
export class BackupsHandler implements Service<typeof agentBackups.AgentBackupsDefinition> {
  constructor(
    private readonly host: Host,
    private readonly stateDir: string,
    private readonly storage: StorageHandler,
  ) {}

  /** Removes what killed calls left. */
  async start(): Promise<void> {
    const { files } = this.host;
    const directory = backupsDirectory(this.stateDir);
    await files.mkdir(directory, { mode: 0o700 });
    const names = await files.readdir(directory).catch(() => []); // in a volume of a pool that is not there
    for (const name of names) {
      const path = `${directory}/${name}`;
      const changedMs = (await files.stat(path))?.mtimeMs ?? 0;
      const forgotten = name.startsWith(receivedPrefix) && changedMs < Date.now() - forgottenMs;
      // One that is written now belongs to a task that goes on already.
      const left = name.endsWith(partialSuffix) && changedMs < performance.timeOrigin;
      if (left || forgotten) await files.remove(path);
    }
  }

  async write(call: CallContext, request: agentBackups.WriteBackup): Promise<agentBackups.BackupWritten> {
    const file = writtenFile(this.stateDir, request.id);
    const volume = requireVolume(request.volume);
    const parts = { host: this.host, layout: this.storage.layout, streams: this.storage.streamsOf(volume.pool), signal: call.signal };
    const index = JSON.parse(request.index.toString()) as Record<string, unknown>;
    const optimized = await writeBackup(parts, { ...request, volume, index }, file);
    return { size_bytes: (await this.host.files.stat(file))?.size ?? 0, optimized };
  }

  async progress(_call: CallContext, { id }: agentBackups.BackupName): Promise<agentBackups.BackupProgress> {
    return { bytes: (await this.host.files.stat(partialOf(writtenFile(this.stateDir, id))))?.size ?? 0 };
  }

  async receive(_call: CallContext, frames: AsyncIterable<agentBackups.ReceiveBackup>): Promise<agentBackups.ReceivedBackup> {
    const rest = frames[Symbol.asyncIterator]();
    const first = await rest.next();
    if (first.done || first.value.part?.$case !== 'header') throw new LxdError('bad-request', 'Backup without header');
    const { id, max_bytes } = first.value.part.value;
    const file = receivedFile(this.stateDir, id);
    const partial = partialOf(file);
    try {
      const bytes = await this.#store(rest, partial, max_bytes);
      if (bytes === 0) throw new LxdError('internal', 'EOF');
      const index = await readIndex(this.host, partial);
      await this.host.files.rename(partial, file); // not synced: what a power failure cuts short is refused when it is unpacked
      return { size_bytes: bytes, index: Buffer.from(JSON.stringify(index)) };
    } catch (error) {
      await this.host.files.remove(partial);
      if (isNoRoom(error)) throw new LxdError('internal', 'Unable to store backup, run out of disk space', { cause: error });
      throw error;
    }
  }

  async *read(_call: CallContext, { id }: agentBackups.BackupName): AsyncIterable<agentBackups.BackupFile> {
    const file = writtenFile(this.stateDir, id);
    const stat = await this.host.files.stat(file);
    if (!stat) throw new LxdError('not-found', 'Backup file not found');
    yield { part: { $case: 'facts', value: { size_bytes: stat.size, modified_at_ms: Math.floor(stat.mtimeMs) } } };
    for await (const chunk of this.host.files.readChunks(file)) yield { part: { $case: 'chunk', value: chunk } };
  }

  async delete(_call: CallContext, { id }: agentBackups.BackupName): Promise<common.Empty> {
    const file = writtenFile(this.stateDir, id);
    // Also what a killed agent was at: a tool of it may still be writing.
    for (const path of [file, partialOf(file), workOf(file), receivedFile(this.stateDir, id)]) await this.host.files.remove(path);
    return {};
  }

  async #store(frames: AsyncIterator<agentBackups.ReceiveBackup>, file: string, maxBytes: number): Promise<number> {
    const out = this.host.files.writeStream(file);
    out.on('error', () => undefined);
    let bytes = 0;
    try {
      for (let next = await frames.next(); !next.done; next = await frames.next()) {
        if (next.value.part?.$case !== 'chunk') continue;
        bytes += next.value.part.value.length;
        if (maxBytes > 0 && bytes > maxBytes) throw new LxdError('too-large', 'Backup is larger than allowed');
        await written(out, next.value.part.value);
      }
      await ended(out);
    } finally {
      out.destroy();
      await frames.return?.();
    }
    return bytes;
  }
}
