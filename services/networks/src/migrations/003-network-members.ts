import type { Migration } from '@asterism/database';

/** What members have for themselves of a network; in a cluster a network is promised for each before it is made. */
export const networkMembers: Migration = {
  name: '003-network-members',
  sql: `
    CREATE TABLE networks.members (
      network_id uuid NOT NULL REFERENCES networks.networks (id) ON DELETE CASCADE,
      member text NOT NULL,
      config jsonb NOT NULL DEFAULT '{}',
      PRIMARY KEY (network_id, member)
    );
    ALTER TABLE networks.networks ADD COLUMN promised boolean NOT NULL DEFAULT false;
    COMMENT ON COLUMN networks.networks.promised IS 'pending because the second half of its creation was not asked for yet';
  `,
};
