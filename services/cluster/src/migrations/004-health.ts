import type { Migration } from '@asterism/database';

export const memberHealth: Migration = {
  name: '004-health',
  sql: `
    ALTER TABLE cluster.members ADD COLUMN is_online boolean NOT NULL DEFAULT true;
    COMMENT ON COLUMN cluster.members.is_online IS 'as the others were told';
  `,
};
