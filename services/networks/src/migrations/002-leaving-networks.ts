import type { Migration } from '@asterism/database';

/** A network on its way out is given to nobody; the mark ends by itself when the deletion was cut off. */
export const leavingNetworks: Migration = {
  name: '002-leaving-networks',
  sql: 'ALTER TABLE networks.networks ADD COLUMN leaving_until timestamptz;',
};
