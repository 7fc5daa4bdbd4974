import type { Migration } from '@asterism/database';

/** Certificates that may read metrics and nothing else. */
export const metricsCertificates: Migration = {
  name: '005-metrics-certificates',
  sql: `
    ALTER TABLE projects.certificates DROP CONSTRAINT certificates_type_check;
    ALTER TABLE projects.certificates ADD CONSTRAINT certificates_type_check CHECK (type IN ('client', 'server', 'metrics'));
  `,
};
