import { doomedBackups } from '@asterism/backups';
import type { Migration } from '@asterism/database';

/** Backups of instances that are being deleted. */
export const doomedInstanceBackups: Migration = { name: '007-doomed-backups', sql: doomedBackups('instances') };
