import type { Migration } from '@asterism/database';

export const operationsTables: Migration = {
  name: '001-operations',
  sql: `
    CREATE TABLE operations.operations (
      id uuid PRIMARY KEY,
      class text NOT NULL CHECK (class IN ('task', 'websocket', 'token')),
      description text NOT NULL,
      project text NOT NULL,
      location text NOT NULL,
      owner text NOT NULL,
      resources jsonb,
      metadata jsonb,
      may_cancel boolean NOT NULL,
      status_code int NOT NULL,
      err text NOT NULL DEFAULT '',
      requestor jsonb,
      request_id text NOT NULL,
      created_at timestamptz NOT NULL,
      updated_at timestamptz NOT NULL,
      finished_at timestamptz
    );
    CREATE INDEX operations_recent ON operations.operations (finished_at);
    CREATE TABLE operations.journal (
      cursor bigint PRIMARY KEY,
      event_id uuid UNIQUE,
      type text NOT NULL,
      project text NOT NULL,
      json text NOT NULL,
      at timestamptz NOT NULL
    );
    CREATE INDEX journal_age ON operations.journal (at);
    CREATE TABLE operations.journal_cursor (value bigint NOT NULL);
    INSERT INTO operations.journal_cursor VALUES (0);`,
};
