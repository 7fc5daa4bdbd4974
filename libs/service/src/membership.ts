import type { cluster } from '@asterism/proto';

/** What a member of a cluster has of its own: how it is known, and how it reaches the control plane. */
export interface Membership extends cluster.AcceptedMember {
  /** Credentials that the API shows, the same on every member; PEM. */
  api_certificate: string;
  api_key: string;
}
