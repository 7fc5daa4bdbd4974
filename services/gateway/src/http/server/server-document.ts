import { extensions } from '@asterism/api';
import type { Identity } from '../../auth/identity.js';

/** What the cluster service knows of the server. */
export interface ServerFacts {
  config: Record<string, unknown>;
  environment: Record<string, unknown>;
}

/** What the gateway itself adds. */
export interface GatewayFacts {
  certificate: string;
  fingerprint: string;
  project: string;
}

/** LXD's Server object as this caller may see it; strangers learn how to log in and no more. */
export function serverDocument(identity: Identity, facts: ServerFacts, gateway: GatewayFacts): Record<string, unknown> {
  const known = {
    api_extensions: extensions,
    api_status: 'stable',
    api_version: '1.0',
    auth: identity.trusted ? 'trusted' : 'untrusted',
    public: false,
    auth_methods: ['tls'],
  };
  if (!identity.trusted) return known;
  const { addresses, architectures, ...rest } = facts.environment;
  const environment = {
    addresses,
    architectures,
    certificate: gateway.certificate,
    certificate_fingerprint: gateway.fingerprint,
    ...rest,
    project: gateway.project,
  };
  return { config: identity.admin ? facts.config : null, ...known, environment };
}
