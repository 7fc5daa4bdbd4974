import type { Migration } from '@asterism/database';

/** A pool may be promised for a member before it is made there. */
export const poolMemberStates: Migration = {
  name: '005-pool-members',
  sql: `
    ALTER TABLE storage.pool_members ADD COLUMN made boolean NOT NULL DEFAULT true;
    COMMENT ON COLUMN storage.pool_members.made IS 'false: the member shall have it, and has only the config for it yet';
  `,
};
