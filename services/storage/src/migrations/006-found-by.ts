import type { Migration } from '@asterism/database';

/** By what volumes are found where there are many: their own name wherever they lie, and their member. */
export const volumesFoundBy: Migration = {
  name: '006-found-by',
  sql: `
    CREATE INDEX volumes_name ON storage.volumes (project, type, name);
    CREATE INDEX volumes_member ON storage.volumes (member);
    DROP INDEX storage.volumes_project;
  `,
};
