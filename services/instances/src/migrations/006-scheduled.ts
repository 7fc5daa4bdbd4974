import type { Migration } from '@asterism/database';

/** The few whose snapshots are taken by a schedule, for who looks every minute. */
export const scheduledInstances: Migration = {
  name: '006-scheduled',
  sql: `CREATE INDEX instances_scheduled ON instances.instances (id) WHERE coalesce(expanded_config->>'snapshots.schedule', '') <> '';`,
};
