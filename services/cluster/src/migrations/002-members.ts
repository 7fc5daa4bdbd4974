import type { Migration } from '@asterism/database';

/** Members as the API knows them, tokens to join with, keys of the configuration that every member has for itself. */
export const clusterMembers: Migration = {
  name: '002-members',
  sql: `
    ALTER TABLE cluster.config ADD COLUMN member text NOT NULL DEFAULT '';
    COMMENT ON COLUMN cluster.config.member IS 'whose key it is; empty: of all, or of the one host without a cluster';
    ALTER TABLE cluster.config DROP CONSTRAINT config_pkey, ADD PRIMARY KEY (member, key);
    ALTER TABLE cluster.members
      ADD COLUMN former_names text[] NOT NULL DEFAULT '{}',
      ADD COLUMN server_address text NOT NULL DEFAULT '',
      ADD COLUMN failure_domain text NOT NULL DEFAULT 'default',
      ADD COLUMN description text NOT NULL DEFAULT '',
      ADD COLUMN has_control_plane boolean NOT NULL DEFAULT false,
      ADD COLUMN joined_at timestamptz NOT NULL DEFAULT now();
    COMMENT ON COLUMN cluster.members.address IS 'of the agent, host:port; empty where it shares the process of the control plane';
    COMMENT ON COLUMN cluster.members.server_address IS 'of the API, host:port';
    CREATE TABLE cluster.join_tokens (
      hash text PRIMARY KEY,
      operation uuid NOT NULL,
      server_name text NOT NULL,
      expires_at timestamptz NOT NULL
    );
    CREATE TABLE cluster.authority (
      id boolean PRIMARY KEY DEFAULT true CHECK (id),
      certificate text NOT NULL,
      key text NOT NULL
    );
    COMMENT ON TABLE cluster.authority IS 'signs the certificates of members that join a control plane in one process';
  `,
};
