import { LxdError } from '@asterism/errors';
import { mayUseProject, type Identity } from './identity.js';

/**
 * Who may call a route:
 * - anyone: even without certificate; the handler decides what a stranger sees
 * - trusted: every known client
 * - project: clients that may use the project the request names
 * - named-project: as project, with the project in the path
 * - metrics: as project where a project is named, else every known client, which sees its own; certificates for metrics have this access only
 * - admin: unrestricted clients
 * - local: only the unix socket
 */
export type Access = 'anyone' | 'trusted' | 'project' | 'named-project' | 'metrics' | 'admin' | 'local';

/** Path patterns with their verbs; /1.0/containers and /1.0/virtual-machines are /1.0/instances. */
const accessByRoute: Readonly<Record<string, Readonly<Record<string, Access>>>> = {
  '/1.0': { GET: 'anyone', PUT: 'admin', PATCH: 'admin' },
  '/1.0/certificates': { GET: 'trusted', POST: 'anyone' },
  '/1.0/certificates/:fingerprint': { GET: 'trusted', PUT: 'trusted', PATCH: 'trusted', DELETE: 'admin' },
  '/1.0/cluster': { GET: 'trusted', PUT: 'admin' },
  '/1.0/cluster/members': { GET: 'trusted', POST: 'admin' },
  '/1.0/cluster/members/:name': { GET: 'trusted', PUT: 'admin', PATCH: 'admin', POST: 'admin', DELETE: 'admin' },
  '/1.0/cluster/members/:name/state': { POST: 'admin' },
  '/1.0/cluster/groups': { GET: 'trusted', POST: 'admin' },
  '/1.0/cluster/groups/:name': { GET: 'trusted', PUT: 'admin', PATCH: 'admin', POST: 'admin', DELETE: 'admin' },
  '/1.0/events': { GET: 'trusted' },
  '/1.0/images': { GET: 'anyone', POST: 'project' },
  '/1.0/images/:fingerprint': { GET: 'anyone', PUT: 'project', PATCH: 'project', DELETE: 'project' },
  '/1.0/images/:fingerprint/export': { GET: 'anyone' },
  '/1.0/images/:fingerprint/secret': { POST: 'project' },
  '/1.0/images/:fingerprint/refresh': { POST: 'project' },
  '/1.0/images/aliases': { GET: 'project', POST: 'project' },
  '/1.0/images/aliases/*': { GET: 'anyone', PUT: 'project', PATCH: 'project', POST: 'project', DELETE: 'project' },
  '/1.0/instances': { GET: 'project', POST: 'project', PUT: 'project' },
  '/1.0/instances/:name': { GET: 'project', PUT: 'project', PATCH: 'project', POST: 'project', DELETE: 'project' },
  '/1.0/instances/:name/state': { GET: 'project', PUT: 'project' },
  '/1.0/instances/:name/files': { GET: 'project', POST: 'project', DELETE: 'project' },
  '/1.0/instances/:name/snapshots': { GET: 'project', POST: 'project' },
  '/1.0/instances/:name/snapshots/:snapshot': { GET: 'project', PUT: 'project', PATCH: 'project', POST: 'project', DELETE: 'project' },
  '/1.0/instances/:name/backups': { GET: 'project', POST: 'project' },
  '/1.0/instances/:name/backups/:backup': { GET: 'project', POST: 'project', DELETE: 'project' },
  '/1.0/instances/:name/backups/:backup/export': { GET: 'project' },
  '/1.0/instances/:name/exec': { POST: 'project' },
  '/1.0/instances/:name/console': { GET: 'project', POST: 'project', DELETE: 'project' },
  '/1.0/instances/:name/logs': { GET: 'project' },
  '/1.0/instances/:name/logs/:file': { GET: 'project', DELETE: 'project' },
  '/1.0/instances/:name/metadata': { GET: 'project', PUT: 'project', PATCH: 'project' },
  '/1.0/instances/:name/metadata/templates': { GET: 'project', POST: 'project', DELETE: 'project' },
  '/1.0/metrics': { GET: 'metrics' },
  '/1.0/networks': { GET: 'project', POST: 'project' },
  '/1.0/networks/:name': { GET: 'project', PUT: 'project', PATCH: 'project', POST: 'project', DELETE: 'project' },
  '/1.0/networks/:name/leases': { GET: 'project' },
  '/1.0/networks/:name/state': { GET: 'project' },
  '/1.0/operations': { GET: 'project' },
  '/1.0/operations/:id': { GET: 'trusted', DELETE: 'trusted' },
  '/1.0/operations/:id/wait': { GET: 'anyone' },
  '/1.0/operations/:id/websocket': { GET: 'anyone' },
  '/1.0/profiles': { GET: 'project', POST: 'project' },
  '/1.0/profiles/:name': { GET: 'project', PUT: 'project', PATCH: 'project', POST: 'project', DELETE: 'project' },
  '/1.0/projects': { GET: 'trusted', POST: 'admin' },
  '/1.0/projects/:name': { GET: 'named-project', PUT: 'admin', PATCH: 'admin', POST: 'admin', DELETE: 'admin' },
  '/1.0/projects/:name/state': { GET: 'named-project' },
  '/1.0/resources': { GET: 'trusted' },
  '/1.0/storage-pools': { GET: 'trusted', POST: 'admin' },
  '/1.0/storage-pools/:pool': { GET: 'trusted', PUT: 'admin', PATCH: 'admin', DELETE: 'admin' },
  '/1.0/storage-pools/:pool/resources': { GET: 'trusted' },
  '/1.0/storage-pools/:pool/volumes': { GET: 'project', POST: 'project' },
  '/1.0/storage-pools/:pool/volumes/:type': { GET: 'project', POST: 'project' },
  '/1.0/storage-pools/:pool/volumes/:type/:volume': { GET: 'project', PUT: 'project', PATCH: 'project', POST: 'project', DELETE: 'project' },
  '/1.0/storage-pools/:pool/volumes/:type/:volume/state': { GET: 'project' },
  '/1.0/storage-pools/:pool/volumes/:type/:volume/snapshots': { GET: 'project', POST: 'project' },
  '/1.0/storage-pools/:pool/volumes/:type/:volume/snapshots/:snapshot': { GET: 'project', PUT: 'project', PATCH: 'project', POST: 'project', DELETE: 'project' },
  '/1.0/storage-pools/:pool/volumes/:type/:volume/backups': { GET: 'project', POST: 'project' },
  '/1.0/storage-pools/:pool/volumes/:type/:volume/backups/:backup': { GET: 'project', POST: 'project', DELETE: 'project' },
  '/1.0/storage-pools/:pool/volumes/:type/:volume/backups/:backup/export': { GET: 'project' },
  '/1.0/warnings': { GET: 'admin' },
  '/1.0/warnings/:id': { GET: 'admin', PUT: 'admin', PATCH: 'admin', DELETE: 'admin' },
  '/internal/cluster/accept': { POST: 'anyone' },
  '/internal/cluster/withdraw': { POST: 'anyone' },
  '/internal/ready': { GET: 'local' },
  '/internal/shutdown': { PUT: 'local' },
};

/** Undefined for routes the table does not know. */
export function accessOf(method: string, route: string): Access | undefined {
  if (route === '/') return 'anyone';
  return accessByRoute[route.replace(/^\/1\.0\/(?:containers|virtual-machines)(?=\/|$)/, '/1.0/instances')]?.[method];
}

/** What a request says about the project it is for. */
export interface RequestedProject {
  project: string;
  allProjects: boolean;
  /** The request names the project itself. */
  isNamed?: boolean;
  /** The :name of the path. */
  named: string;
}

export function requireAccess(identity: Identity, access: Access, requested: RequestedProject): void {
  if (!isAllowed(identity, access, requested)) throw new LxdError('forbidden', 'not authorized');
}

function isAllowed(identity: Identity, access: Access, requested: RequestedProject): boolean {
  switch (access) {
    case 'anyone':
      // Strangers see what is public; a known client stays within its projects.
      return !identity.trusted || requested.allProjects || mayUseProject(identity, requested.project);
    case 'trusted':
      return identity.trusted;
    case 'project':
      return requested.allProjects ? identity.trusted : mayUseProject(identity, requested.project);
    case 'named-project':
      return mayUseProject(identity, requested.named);
    case 'metrics':
      if (identity.measures && !identity.trusted) return !requested.isNamed || identity.projects === undefined || identity.projects.includes(requested.project);
      return requested.isNamed ? mayUseProject(identity, requested.project) : identity.trusted;
    case 'admin':
      return identity.trusted && identity.admin;
    case 'local':
      return identity.local;
  }
}
