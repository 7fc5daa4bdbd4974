import type { Migration } from '@asterism/database';

export const warningsSchema: Migration = {
  name: '001-warnings',
  sql: `
    CREATE TABLE warnings.warnings (
      uuid uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      project text NOT NULL,
      location text NOT NULL,
      type text NOT NULL,
      severity text NOT NULL CHECK (severity IN ('low', 'moderate', 'high')),
      status text NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'acknowledged', 'resolved')),
      count int NOT NULL DEFAULT 1,
      first_seen_at timestamptz NOT NULL DEFAULT now(),
      last_seen_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now(),
      last_message text NOT NULL,
      entity_url text NOT NULL,
      UNIQUE (project, location, type, entity_url)
    );
  `,
};
