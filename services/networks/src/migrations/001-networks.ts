import type { Migration } from '@asterism/database';

export const networksSchema: Migration = {
  name: '001-networks',
  sql: `
    CREATE TABLE networks.networks (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      project text NOT NULL,
      name text NOT NULL,
      type text NOT NULL,
      description text NOT NULL,
      config jsonb NOT NULL,
      -- 'pending' until every member has it.
      status text NOT NULL CHECK (status IN ('pending', 'created')),
      created_at timestamptz NOT NULL DEFAULT now(),
      UNIQUE (project, name)
    );
  `,
};
