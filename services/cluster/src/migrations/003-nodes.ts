import type { Migration } from '@asterism/database';

/** What members have from the nodes they are on. */
export const memberNodes: Migration = {
  name: '003-nodes',
  sql: `ALTER TABLE cluster.members ADD COLUMN cordoned boolean NOT NULL DEFAULT false;`,
};
