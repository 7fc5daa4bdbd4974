import type { Migration } from '@asterism/database';

/** Where a volume was before, as "pool/name", until those that use it have heard. */
export const movedVolumes: Migration = {
  name: '004-moved',
  sql: `ALTER TABLE storage.volumes ADD COLUMN moved_from text NOT NULL DEFAULT '';`,
};
