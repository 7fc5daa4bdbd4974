import { doomedBackups } from '@asterism/backups';
import type { Migration } from '@asterism/database';

/** Backups of volumes that are being deleted. */
export const doomedVolumeBackups: Migration = { name: '007-doomed-backups', sql: doomedBackups('storage') };
