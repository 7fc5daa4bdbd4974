import type { Migration } from '@asterism/database';

export const admissionsSchema: Migration = {
  name: '002-admissions',
  sql: `
    CREATE TABLE projects.admissions (
      project_id uuid NOT NULL REFERENCES projects.projects (id) ON DELETE CASCADE,
      instance text NOT NULL,
      facts jsonb NOT NULL,
      until timestamptz NOT NULL,
      PRIMARY KEY (project_id, instance)
    );
  `,
};
