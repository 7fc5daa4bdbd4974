import { backupsTable } from '@asterism/backups';
import type { Migration } from '@asterism/database';

/** Backup files of instances, which lie on their members. */
export const instanceBackups: Migration = { name: '004-backups', sql: backupsTable('instances', 'instances') };
