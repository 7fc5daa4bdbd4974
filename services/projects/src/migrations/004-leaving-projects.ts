import type { Migration } from '@asterism/database';

/** In a project on its way out nothing new is made; the mark ends by itself when the deletion was cut off. */
export const leavingProjects: Migration = {
  name: '004-leaving-projects',
  sql: 'ALTER TABLE projects.projects ADD COLUMN leaving_until timestamptz;',
};
