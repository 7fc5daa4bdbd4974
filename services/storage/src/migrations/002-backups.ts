import { backupsTable } from '@asterism/backups';
import type { Migration } from '@asterism/database';

/** Backup files of custom volumes, which lie on their members. */
export const volumeBackups: Migration = { name: '002-backups', sql: backupsTable('storage', 'volumes') };
