import type { Migration } from '@asterism/database';

/** Names in use, those that a rename in flight has taken among them: nobody can create under a name that is about to be one. */
export const instanceNames: Migration = {
  name: '003-names',
  sql: `
CREATE TABLE instances.names (
  project text NOT NULL,
  name text NOT NULL,
  instance_id uuid NOT NULL REFERENCES instances.instances (id) ON DELETE CASCADE,
  PRIMARY KEY (project, name)
);
CREATE INDEX names_instance ON instances.names (instance_id);
INSERT INTO instances.names SELECT project, name, id FROM instances.instances;
`,
};
