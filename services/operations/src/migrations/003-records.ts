import type { Migration } from '@asterism/database';

/** What is kept of an operation beside LXD's fields. */
export const recordColumns: Migration = {
  name: '003-records',
  sql: `
    ALTER TABLE operations.operations ADD COLUMN trace_id text NOT NULL DEFAULT '', ADD COLUMN steps jsonb, ADD COLUMN cancel_requested boolean NOT NULL DEFAULT false;
    CREATE INDEX operations_cancelling ON operations.operations (id) WHERE cancel_requested AND finished_at IS NULL;`,
};
