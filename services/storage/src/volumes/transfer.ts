import { createHash } from 'node:crypto';
import { Agents } from '@asterism/agents';
import { LxdError } from '@asterism/errors';
import { Token, type agentBackups, type agentStorage, type Operations } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { progressOf, progressWords, type Count } from '@asterism/tasks';
import { Inject, Injectable } from '@nestjs/common';
import { writeArchive } from '../backups/write-archive.js';
import type { PoolRow } from '../pools/pool.store.js';
import { agentVolume } from './volume-rules.js';
import type { Found } from './volume-scope.js';
import type { VolumeRow } from './volume.store.js';

interface Content {
  /** Instead of the volume as it is; empty for that. */
  snapshot: string;
  /** Snapshots that come along, oldest first. */
  snapshots: string[];
}

type Target = Parameters<typeof agentVolume>[1];

/** Brings a volume's content to another member: as an archive, in the driver's own streams where both pools have the same driver. */
@Injectable()
export class Transfer {
  constructor(
    @Inject(Agents) private readonly agents: Agents,
    @Inject(Token.Operations) private readonly operations: Operations,
  ) {}

  /** Makes the volume on the target's member. What lies on the way is gone afterwards, whatever happens. */
  async bring(call: CallContext, source: Found, content: Content, target: { pool: PoolRow; volume: Target; made: agentStorage.Volume }): Promise<agentStorage.VolumePath> {
    const from = { backups: this.agents.on(source.volume.member).backups, id: '' };
    const to = { agent: this.agents.on(target.volume.member), id: '' };
    const id = transferId(source.volume, target);
    const count = progressOf(this.operations, call, (bytes, bytesPerSecond) => ({ fs_progress: `${source.volume.name}: ${progressWords(bytes, bytesPerSecond)}` }));
    try {
      await this.#write(call, source, content, { id, optimized: source.pool.driver === target.pool.driver });
      await to.agent.backups.receive(call, frames(id, from.backups.read(call, { id }), count));
      return await to.agent.storage.createVolume(call, { volume: target.made, source: { $case: 'backup', value: { id, snapshots: content.snapshots, idmaps: {} } } });
    } finally {
      await Promise.allSettled([from.backups.delete(call, { id }), to.agent.backups.delete(call, { id })]);
    }
  }

  /** A snapshot goes as a volume of its own, which lives as long as it is read. */
  async #write(call: CallContext, source: Found, { snapshot, snapshots }: Content, { id, optimized }: { id: string; optimized: boolean }): Promise<void> {
    const archive = { id, snapshots, index: { name: source.volume.name, type: source.volume.type === 'custom' ? 'custom' : 'container' }, optimized, compression: 'none' };
    if (snapshot === '') return void (await writeArchive(call, this.agents, source, archive));
    const storage = this.agents.on(source.volume.member).storage;
    const passing = { ...source.volume, name: `transfer-${id}` };
    await storage.createVolume(call, { volume: agentVolume(source.pool, passing), source: { $case: 'copy', value: { volume: agentVolume(source.pool, source.volume), snapshot, with_snapshots: [] } } });
    try {
      await writeArchive(call, this.agents, { pool: source.pool, volume: passing }, archive);
    } finally {
      await storage.deleteVolume(call, agentVolume(source.pool, passing));
    }
  }
}

/** The same for the same way, so that a repeated step finds what the first one left. */
function transferId(source: VolumeRow, { volume }: { volume: Target }): string {
  const hex = createHash('sha256').update(JSON.stringify([source.id, volume.member, volume.project, volume.type, volume.name])).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join('-');
}

/** Chunks are reused by who reads; the receiver may still hold one when it asks for the next. */
async function* frames(id: string, file: AsyncIterable<agentBackups.BackupFile>, count: Count): AsyncIterable<agentBackups.ReceiveBackup> {
  yield { part: { $case: 'header', value: { id, max_bytes: 0 } } };
  for await (const { part } of file) {
    if (!part) throw new LxdError('internal', 'Empty frame of an archive');
    if (part.$case !== 'chunk') continue;
    count(part.value.length);
    yield { part: { $case: 'chunk', value: Buffer.from(part.value) } };
  }
}
