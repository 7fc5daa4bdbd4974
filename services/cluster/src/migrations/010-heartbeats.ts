import type { Migration } from '@asterism/database';

/** Every member's row is written every few seconds: with room beside it on its page the versions before go without a vacuum. */
export const heartbeatRoom: Migration = {
  name: '010-heartbeats',
  sql: `
    ALTER TABLE cluster.members SET (fillfactor = 40, autovacuum_vacuum_scale_factor = 0.5, autovacuum_analyze_scale_factor = 0.5);
  `,
};
