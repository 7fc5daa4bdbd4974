import type { Migration } from '@asterism/database';

/** The minute whose schedules were last looked at: of several replicas the first one acts. */
export const volumeSchedules: Migration = {
  name: '003-schedules',
  sql: `
    CREATE TABLE storage.schedule_clock (minute bigint NOT NULL);
    INSERT INTO storage.schedule_clock VALUES (0);
    CREATE INDEX snapshots_expiry ON storage.snapshots (expires_at) WHERE expires_at IS NOT NULL;
  `,
};
