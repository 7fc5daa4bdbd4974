import type { Migration } from '@asterism/database';

export const clusterSchema: Migration = {
  name: '001-cluster',
  sql: `
    CREATE TABLE cluster.config (
      key text PRIMARY KEY,
      value text NOT NULL
    );
    CREATE TABLE cluster.members (
      name text PRIMARY KEY,
      address text NOT NULL,
      architecture text NOT NULL,
      environment jsonb NOT NULL,
      seen_at timestamptz NOT NULL DEFAULT now()
    );
  `,
};
