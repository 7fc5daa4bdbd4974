import type { Migration } from '@asterism/database';

/** By which joining a member came: whoever knows it may ask to be accepted again after a crash. */
export const memberJoins: Migration = {
  name: '007-joins',
  sql: `
    ALTER TABLE cluster.members ADD COLUMN join_hash text NOT NULL DEFAULT '';`,
};
