import type { Migration } from '@asterism/database';

export const projectsSchema: Migration = {
  name: '001-projects',
  sql: `
    CREATE TABLE projects.projects (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      name text NOT NULL UNIQUE,
      description text NOT NULL DEFAULT '',
      config jsonb NOT NULL DEFAULT '{}'
    );
    CREATE TABLE projects.profiles (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      project_id uuid NOT NULL REFERENCES projects.projects (id) ON DELETE CASCADE,
      name text NOT NULL,
      description text NOT NULL DEFAULT '',
      config jsonb NOT NULL DEFAULT '{}',
      devices jsonb NOT NULL DEFAULT '{}',
      UNIQUE (project_id, name)
    );
    CREATE TABLE projects.certificates (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      fingerprint text NOT NULL UNIQUE,
      type text NOT NULL CHECK (type IN ('client', 'server')),
      name text NOT NULL,
      certificate text NOT NULL,
      restricted boolean NOT NULL DEFAULT false
    );
    CREATE TABLE projects.certificate_projects (
      certificate_id uuid NOT NULL REFERENCES projects.certificates (id) ON DELETE CASCADE,
      project_id uuid NOT NULL REFERENCES projects.projects (id) ON DELETE CASCADE,
      PRIMARY KEY (certificate_id, project_id)
    );
    CREATE TABLE projects.trust_tokens (
      operation_id uuid PRIMARY KEY,
      secret_hash text NOT NULL,
      name text NOT NULL,
      type text NOT NULL,
      restricted boolean NOT NULL,
      projects text[] NOT NULL
    );
    INSERT INTO projects.projects (name, description, config) VALUES ('default', 'Default LXD project',
      '{"features.images":"true","features.networks":"true","features.profiles":"true","features.storage.volumes":"true"}');
    INSERT INTO projects.profiles (project_id, name, description)
      SELECT id, 'default', 'Default LXD profile' FROM projects.projects WHERE name = 'default';
  `,
};
