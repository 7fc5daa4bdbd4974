import type { agentStorage } from '@asterism/proto';
import type { Pool, Volume } from './layout.js';

/** What a copy is made of: a volume, or one of its snapshots. */
export interface CopySource {
  volume: Volume;
  snapshot?: string;
}

/**
 * A kind of storage. A pool is created once, mounted at every start of the agent, and deleted empty. A volume comes into being whole:
 * `createVolume` hands a private directory to `fill`, and only when that has returned the volume has its name; a failed or killed
 * call leaves nothing that outlives the next sweep of the pool. Deleting what is gone is fine. Calls for one volume never overlap.
 * Example: createPool(p), createVolume(v, unpack), snapshotVolume(v, 's0'), restoreVolume(v, 's0'), deleteVolume(v) takes the snapshots along.
 */
export interface StorageDriver {
  /** Answers the configuration with what the driver chose (source, size). */
  createPool(pool: Pool): Promise<Record<string, string>>;
  deletePool(pool: Pool): Promise<void>;
  /** Mounted already is fine; changed mount options are applied. */
  mountPool(pool: Pool): Promise<void>;
  /** Takes away what killed calls left in a mounted pool; nothing else may be at work in it. */
  sweepPool(pool: Pool): Promise<void>;
  poolUsage(pool: Pool): Promise<agentStorage.PoolUsage>;

  createVolume(volume: Volume, fill: (directory: string) => Promise<void>): Promise<void>;
  /** Within one pool. */
  copyVolume(source: CopySource, target: Volume): Promise<void>;
  deleteVolume(volume: Volume): Promise<void>;
  renameVolume(volume: Volume, newName: string): Promise<void>;

  /** Whoever asks holds a running instance still where the driver copies. `fill` makes the snapshot from elsewhere instead of from the volume. */
  snapshotVolume(volume: Volume, snapshot: string, fill?: (directory: string) => Promise<void>): Promise<void>;
  deleteSnapshot(volume: Volume, snapshot: string): Promise<void>;
  renameSnapshot(volume: Volume, snapshot: string, newName: string): Promise<void>;
  /** The volume's content becomes the snapshot's, in one step. */
  restoreVolume(volume: Volume, snapshot: string): Promise<void>;

  /** Present where images are kept unpacked in the pool and volumes made from them as copies. */
  readonly keepsImages?: true;
  readonly quotas?: VolumeQuotas;
}

/** Optional capability: limits and usage of single volumes. */
export interface VolumeQuotas {
  /** 0 removes the limit. */
  limit(volume: Volume, bytes: number): Promise<void>;
  /** Undefined while nothing counts. */
  usage(volume: Volume): Promise<{ usedBytes: number; totalBytes: number } | undefined>;
}
