import type { Migration } from '@asterism/database';

/**
 * Instances and their snapshots. Config and devices are `json` with keys in the API's order (sorted), so that lists are
 * assembled in SQL and passed through as text. `busy` names the one change in flight; `busy_task` is its operation.
 */
export const instancesTables: Migration = {
  name: '001-instances',
  sql: `
CREATE TABLE instances.instances (
  id uuid PRIMARY KEY,
  project text NOT NULL,
  name text NOT NULL,
  type text NOT NULL,
  architecture text NOT NULL,
  description text NOT NULL,
  ephemeral boolean NOT NULL,
  stateful boolean NOT NULL DEFAULT false,
  config json NOT NULL,
  devices json NOT NULL,
  profiles json NOT NULL,
  expanded_config json NOT NULL,
  expanded_devices json NOT NULL,
  member text NOT NULL,
  pool text NOT NULL,
  pool_driver text NOT NULL,
  volume_path text NOT NULL DEFAULT '',
  status text NOT NULL DEFAULT 'Stopped',
  status_code integer NOT NULL DEFAULT 102,
  busy text,
  busy_task uuid,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_used_at timestamptz,
  UNIQUE (project, name)
);
CREATE INDEX instances_member ON instances.instances (member);
CREATE TABLE instances.snapshots (
  id uuid PRIMARY KEY,
  instance_id uuid NOT NULL REFERENCES instances.instances (id) ON DELETE CASCADE,
  name text NOT NULL,
  architecture text NOT NULL,
  ephemeral boolean NOT NULL,
  stateful boolean NOT NULL DEFAULT false,
  config json NOT NULL,
  devices json NOT NULL,
  profiles json NOT NULL,
  expanded_config json NOT NULL,
  expanded_devices json NOT NULL,
  description text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz,
  ready boolean NOT NULL DEFAULT true,
  UNIQUE (instance_id, name)
);
CREATE INDEX snapshots_expiry ON instances.snapshots (expires_at) WHERE expires_at IS NOT NULL;
`,
};
