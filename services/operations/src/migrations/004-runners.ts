import type { Migration } from '@asterism/database';

/** Which process of its owner runs an operation. */
export const runnerColumn: Migration = {
  name: '004-runners',
  sql: `
    ALTER TABLE operations.operations ADD COLUMN runner text NOT NULL DEFAULT '';`,
};
