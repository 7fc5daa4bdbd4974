import type { Migration } from '@asterism/database';

/** The minute whose schedules were last looked at: of several replicas the first one acts. */
export const scheduleClock: Migration = {
  name: '002-schedules',
  sql: `
CREATE TABLE instances.schedule_clock (minute bigint NOT NULL);
INSERT INTO instances.schedule_clock VALUES (0);
`,
};
