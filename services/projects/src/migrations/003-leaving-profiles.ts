import type { Migration } from '@asterism/database';

/** A profile on its way out is given to nobody; the mark ends by itself when the deletion was cut off. */
export const leavingProfiles: Migration = {
  name: '003-leaving-profiles',
  sql: 'ALTER TABLE projects.profiles ADD COLUMN leaving_until timestamptz;',
};
