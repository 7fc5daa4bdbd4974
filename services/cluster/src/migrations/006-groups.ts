import type { Migration } from '@asterism/database';

/** Groups of members, configuration that a member has beside the server's, and members that were evacuated. */
export const memberGroups: Migration = {
  name: '006-groups',
  sql: `
    CREATE TABLE cluster.groups (
      name text PRIMARY KEY,
      description text NOT NULL DEFAULT ''
    );
    INSERT INTO cluster.groups (name, description) VALUES ('default', 'Default cluster group');
    ALTER TABLE cluster.members
      ADD COLUMN groups text[] NOT NULL DEFAULT '{default}',
      ADD COLUMN config jsonb NOT NULL DEFAULT '{}',
      ADD COLUMN evacuated boolean NOT NULL DEFAULT false,
      ADD COLUMN state_set_by text NOT NULL DEFAULT '';
    COMMENT ON COLUMN cluster.members.state_set_by IS 'the operation that evacuated or restored it last';
  `,
};
