import { valueOf, serverKeys, projectKeys } from '@asterism/config-keys';

/** One row of a service's table of backups. */
export interface BackupRow {
  id: string;
  /** The instance's or volume's own id: backups stay with it whatever it is called. */
  owner_id: string;
  member: string;
  name: string;
  /** Without the snapshots. */
  only: boolean;
  /** Holds the driver's own streams. */
  optimized: boolean;
  /** Of its file, by which a whole one is known. */
  size_bytes: number;
  created_at: Date;
  expires_at: Date | null;
}

/** What has backups. */
export interface BackupOwner {
  id: string;
  project: string;
  name: string;
  member: string;
}

/** LXD's object; the keys of `only` are its words for "without snapshots". */
export function backupObject(row: BackupRow, only: readonly string[]): Record<string, unknown> {
  return {
    name: row.name,
    created_at: seconds(row.created_at),
    expires_at: row.expires_at ? seconds(row.expires_at) : '0001-01-01T00:00:00Z',
    ...Object.fromEntries(only.map((key) => [key, row.only])),
    optimized_storage: row.optimized,
  };
}

/** The next name of those that nobody chose: one more than the highest number in use. */
export function nextBackupName(taken: readonly string[]): string {
  const numbers = taken.map((name) => /^backup(\d+)$/.exec(name)?.[1]).filter((number) => number !== undefined);
  return `backup${Math.max(-1, ...numbers.map(Number)) + 1}`;
}

/** How a backup is compressed: as asked, else the project's word, else the server's. */
export function compressionOf(asked: string, project: Readonly<Record<string, string>>, server: Readonly<Record<string, string>>): string {
  return asked || project[projectKeys.backupsCompressionAlgorithm.name] || valueOf(server, serverKeys.backupsCompressionAlgorithm);
}

/** Why no backup can be compressed so; undefined where it can. */
export function invalidCompression(asked: string): string | undefined {
  return asked === '' ? undefined : projectKeys.backupsCompressionAlgorithm.validate?.(asked);
}

function seconds(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}
