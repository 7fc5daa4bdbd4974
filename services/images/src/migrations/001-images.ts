import type { Migration } from '@asterism/database';

export const imagesTables: Migration = {
  name: '001-images',
  sql: `
    CREATE TABLE images.images (
      project text NOT NULL,
      fingerprint text NOT NULL CHECK (fingerprint ~ '^[0-9a-f]{64}$'),
      -- The import or deletion that holds the image; NULL for one that can be used.
      task uuid,
      filename text NOT NULL,
      size bigint NOT NULL,
      public boolean NOT NULL DEFAULT false,
      auto_update boolean NOT NULL DEFAULT false,
      cached boolean NOT NULL DEFAULT false,
      architecture text NOT NULL,
      type text NOT NULL CHECK (type IN ('container', 'virtual-machine')),
      created_at timestamptz NOT NULL,
      expires_at timestamptz NOT NULL,
      uploaded_at timestamptz NOT NULL DEFAULT now(),
      last_used_at timestamptz,
      properties jsonb NOT NULL DEFAULT '{}',
      profiles jsonb NOT NULL DEFAULT '["default"]',
      update_source jsonb,
      PRIMARY KEY (project, fingerprint)
    );
    CREATE INDEX images_by_fingerprint ON images.images (fingerprint text_pattern_ops);
    CREATE TABLE images.locations (
      fingerprint text NOT NULL,
      member text NOT NULL,
      PRIMARY KEY (fingerprint, member)
    );
    CREATE TABLE images.aliases (
      id bigint GENERATED ALWAYS AS IDENTITY,
      project text NOT NULL,
      name text NOT NULL,
      description text NOT NULL,
      fingerprint text NOT NULL,
      PRIMARY KEY (project, name),
      FOREIGN KEY (project, fingerprint) REFERENCES images.images ON DELETE CASCADE
    );
    CREATE INDEX aliases_by_image ON images.aliases (project, fingerprint);
    CREATE TABLE images.secrets (
      hash text PRIMARY KEY,
      operation uuid NOT NULL,
      project text NOT NULL,
      fingerprint text NOT NULL,
      -- Set by the first use: a download may ask for the image and then for its files.
      ends_at timestamptz NOT NULL,
      FOREIGN KEY (project, fingerprint) REFERENCES images.images ON DELETE CASCADE
    );`,
};
