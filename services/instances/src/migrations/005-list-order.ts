import type { Migration } from '@asterism/database';

/** Pages of lists, of a project and of all, and what filters name. */
export const listOrder: Migration = {
  name: '005-list-order',
  sql: `
CREATE INDEX instances_order ON instances.instances (created_at, name, id);
CREATE INDEX instances_project_order ON instances.instances (project, created_at, name, id);
CREATE INDEX instances_lower_name ON instances.instances (lower(name));
`,
};
