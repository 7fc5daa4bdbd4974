/** Who sent a request, as far as the connection tells. */
export interface Identity {
  /** Known to the trust store, or on the unix socket. */
  trusted: boolean;
  /** Trusted for every project and for the server itself. */
  admin: boolean;
  /** On the unix socket of this host. */
  local: boolean;
  /** May read metrics, whatever else. */
  measures?: boolean;
  /** Projects a restricted client may touch; absent: all. */
  projects?: readonly string[];
  /** As lifecycle events name it: the user of the unix socket, or the certificate's fingerprint. */
  username: string;
  protocol: 'unix' | 'tls' | '';
  address: string;
  /** DER of the client certificate, if one was shown. */
  certificate?: Buffer;
}

export const unixIdentity: Identity = { trusted: true, admin: true, local: true, username: 'root', protocol: 'unix', address: '@' };

export function mayUseProject(identity: Identity, project: string): boolean {
  return identity.trusted && (identity.projects === undefined || identity.projects.includes(project));
}
