import type { Agents } from '@asterism/agents';
import type { agentBackups } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { poolObject } from '../pools/pool-document.js';
import { snapshotObject, volumeObject } from '../volumes/volume-document.js';
import { agentVolume } from '../volumes/volume-rules.js';
import type { Found } from '../volumes/volume-scope.js';
import type { SnapshotRow } from '../volumes/snapshot.store.js';

export interface Archive {
  /** Names the file on the member. */
  id: string;
  /** Oldest first. */
  snapshots: string[];
  /** index.yaml as far as the owner knows it. */
  index: Record<string, unknown>;
  optimized: boolean;
  compression: string;
}

/** Writes the archive of a volume on its member, whoever the volume belongs to. */
export function writeArchive(call: CallContext, agents: Agents, { pool, volume }: Found, archive: Archive, rows: readonly SnapshotRow[] = []): Promise<agentBackups.BackupWritten> {
  const known = archive.snapshots.map((name) => rows.find((row) => row.name === name) ?? { id: '', volume_id: volume.id, name, description: '', config: {}, expires_at: null });
  const config = {
    ...(archive.index['config'] as Record<string, unknown> | undefined),
    ...(volume.type === 'custom' ? {} : { pool: { ...poolObject(pool, []), used_by: [] } }),
    volume: volumeObject(volume, []),
    ...(known.length > 0 ? { volume_snapshots: known.map((row) => snapshotObject(volume, row)) } : {}),
  };
  const index = { ...archive.index, backend: pool.driver, pool: pool.name, config };
  return agents.on(volume.member).backups.write(call, { ...archive, volume: agentVolume(pool, volume), index: Buffer.from(JSON.stringify(index)) });
}
