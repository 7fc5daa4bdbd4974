import type { Migration } from '@asterism/database';

export const idempotencyTables: Migration = {
  name: '002-idempotency',
  sql: `
    CREATE TABLE operations.idempotency_keys (
      claim uuid PRIMARY KEY,
      requestor text NOT NULL,
      key text NOT NULL,
      digest text NOT NULL,
      body_digest text NOT NULL,
      gateway text NOT NULL,
      process text NOT NULL,
      renewed_at timestamptz NOT NULL,
      lease_until timestamptz NOT NULL,
      status int,
      headers jsonb,
      body bytea,
      created_at timestamptz NOT NULL DEFAULT now(),
      UNIQUE (requestor, key)
    );
    CREATE INDEX idempotency_keys_age ON operations.idempotency_keys (created_at);
    ALTER TABLE operations.operations ADD COLUMN claim uuid;
    CREATE INDEX operations_claim ON operations.operations (claim) WHERE claim IS NOT NULL;
    ALTER TABLE operations.journal ADD COLUMN claim uuid;
    CREATE INDEX journal_claim ON operations.journal (claim) WHERE claim IS NOT NULL;`,
};
