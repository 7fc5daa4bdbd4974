export { Backups, type BackupWords, type BackupsParts, type CompressionConfig } from './backups.js';
export type { ArchiveWish, BackupSubject } from './backup-tasks.js';
export type { BackupOwner, BackupRow } from './backup.js';
export { backupsTable, BackupStore, doomedBackups } from './backup.store.js';
export { takeBackup, type TakenBackup } from './upload.js';
export { indexReader } from './backup-index.js';
