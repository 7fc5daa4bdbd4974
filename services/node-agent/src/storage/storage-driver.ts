import type { agentStorage } from '@asterism/proto';
import type { Pool, Volume } from './layout.js';

/** What a copy is made of: a volume, or one of its snapshots. */
export interface CopySource {
  volume: Volume;
  snapshot?: string;
}

export interface FillOptions {
  /** Nothing is at the directory yet: whoever fills it makes it, as a received stream does. */
  makesDirectory?: boolean;
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

  /** Empty without `fill`. */
  createVolume(volume: Volume, fill?: (directory: string) => Promise<void>, options?: FillOptions): Promise<void>;
  /** Within one pool. */
  copyVolume(source: CopySource, target: Volume): Promise<void>;
  /** The volume's content becomes the source's, wherever that lies: in one step where pool and driver allow it, else what differs is copied. */
  refreshVolume(source: CopySource, volume: Volume): Promise<void>;
  deleteVolume(volume: Volume): Promise<void>;
  renameVolume(volume: Volume, newName: string): Promise<void>;

  /** Whoever asks holds a running instance still where the driver copies. `fill` makes the snapshot from elsewhere instead of from the volume. */
  snapshotVolume(volume: Volume, snapshot: string, fill?: (directory: string) => Promise<void>, options?: FillOptions): Promise<void>;
  /** A snapshot of another volume of the pool becomes one of this. */
  copySnapshot(source: CopySource, volume: Volume, snapshot: string): Promise<void>;
  deleteSnapshot(volume: Volume, snapshot: string): Promise<void>;
  renameSnapshot(volume: Volume, snapshot: string, newName: string): Promise<void>;
  /** The volume's content becomes the snapshot's, in one step. */
  restoreVolume(volume: Volume, snapshot: string): Promise<void>;

  /** Present where images are kept unpacked in the pool and volumes made from them as copies. */
  readonly keepsImages?: true;
  readonly quotas?: VolumeQuotas;
  readonly streams?: VolumeStreams;
}

/** Optional capability: limits and usage of single volumes. */
export interface VolumeQuotas {
  /** 0 removes the limit. */
  limit(volume: Volume, bytes: number): Promise<void>;
  /** Undefined while nothing counts. */
  usage(volume: Volume): Promise<{ usedBytes: number; totalBytes: number } | undefined>;
}

/** One subvolume of a volume ("") or snapshot; the tree's own has the path "/". */
export interface StreamedSubvolume {
  snapshot: string;
  path: string;
  readonly: boolean;
}

export interface ReceiveStream {
  /** The tree's directory, as `fill` was given it. */
  directory: string;
  path: string;
}

/** Takes the bytes of one stream; the subvolume is there when end() has returned. */
export interface StreamReceiver {
  write(bytes: Buffer): Promise<void>;
  end(): Promise<void>;
  abort(): Promise<void>;
}

/** Optional capability: volumes as streams of the driver's own, and as they are at one moment. */
export interface VolumeStreams {
  /** The volume held as it is now, at a path of its own, while the work goes on. */
  hold<T>(volume: Volume, work: (path: string) => Promise<T>): Promise<T>;
  /** Writes each subvolume's stream to the file that `fileOf` names, snapshots (oldest first) before the volume; each builds on the one before. */
  send(volume: Volume, snapshots: readonly string[], fileOf: (subvolume: { snapshot: string; path: string }) => string): Promise<StreamedSubvolume[]>;
  /** Receives streams of one backup in their order into directories of trees. */
  receiving<T>(volume: Volume, work: (open: (stream: ReceiveStream, signal?: AbortSignal) => Promise<StreamReceiver>) => Promise<T>): Promise<T>;
}
