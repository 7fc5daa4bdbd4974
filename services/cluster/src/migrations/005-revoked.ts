import type { Migration } from '@asterism/database';

/** Certificates of members that were removed: they are good no more. */
export const revokedCertificates: Migration = {
  name: '005-revoked',
  sql: `
    ALTER TABLE cluster.members ADD COLUMN fingerprint text NOT NULL DEFAULT '';
    COMMENT ON COLUMN cluster.members.fingerprint IS 'of the certificate that the cluster issued to it';
    CREATE TABLE cluster.revoked (fingerprint text PRIMARY KEY);
  `,
};
