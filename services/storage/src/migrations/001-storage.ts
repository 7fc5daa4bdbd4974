import type { Migration } from '@asterism/database';

export const storageSchema: Migration = {
  name: '001-storage',
  sql: `
    CREATE TABLE storage.pools (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      name text NOT NULL UNIQUE,
      driver text NOT NULL,
      description text NOT NULL DEFAULT '',
      config jsonb NOT NULL DEFAULT '{}',
      ready boolean NOT NULL DEFAULT false,
      maker text NOT NULL DEFAULT ''
    );
    COMMENT ON COLUMN storage.pools.maker IS 'process that is making it (replica and a number of its own), while it is not ready';
    CREATE TABLE storage.pool_members (
      pool_id uuid NOT NULL REFERENCES storage.pools (id) ON DELETE CASCADE,
      member text NOT NULL,
      config jsonb NOT NULL DEFAULT '{}',
      PRIMARY KEY (pool_id, member)
    );
    CREATE TABLE storage.volumes (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      pool_id uuid NOT NULL REFERENCES storage.pools (id),
      member text NOT NULL,
      project text NOT NULL,
      type text NOT NULL CHECK (type IN ('container', 'virtual-machine', 'custom', 'image')),
      name text NOT NULL,
      description text NOT NULL DEFAULT '',
      content_type text NOT NULL DEFAULT 'filesystem' CHECK (content_type IN ('filesystem', 'block')),
      config jsonb NOT NULL DEFAULT '{}',
      ready boolean NOT NULL DEFAULT false,
      maker text NOT NULL DEFAULT '',
      new_name text NOT NULL DEFAULT '',
      UNIQUE (pool_id, member, project, type, name)
    );
    COMMENT ON COLUMN storage.volumes.new_name IS 'set while it is being renamed on its member';
    CREATE INDEX volumes_project ON storage.volumes (project, type);
    CREATE TABLE storage.snapshots (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      volume_id uuid NOT NULL REFERENCES storage.volumes (id) ON DELETE CASCADE,
      position bigint GENERATED ALWAYS AS IDENTITY,
      name text NOT NULL,
      description text NOT NULL DEFAULT '',
      config jsonb NOT NULL DEFAULT '{}',
      expires_at timestamptz,
      ready boolean NOT NULL DEFAULT false,
      UNIQUE (volume_id, name)
    );
  `,
};
