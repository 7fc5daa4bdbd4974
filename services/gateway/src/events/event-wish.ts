import { LxdError } from '@asterism/errors';
import type { operations, Projects } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { requireAccess } from '../auth/access.js';
import type { Identity } from '../auth/identity.js';

const types = ['logging', 'operation', 'lifecycle'] as const;
export type EventType = (typeof types)[number];

/** What a client of /1.0/events wants to hear. */
export interface EventWish {
  types: readonly EventType[];
  project: string;
  allProjects: boolean;
  /** Replay what came after this cursor, then follow. */
  since?: number;
}

/** What a client of /1.0/events gets to hear. */
export interface Audience {
  types: readonly EventType[];
  /** Absent: all. */
  projects: readonly string[] | undefined;
  /** Events of no project may tell secrets (tokens of certificates), so only administrators hear them. */
  admin: boolean;
}

/** Reads the query of /1.0/events; only administrators hear log messages. */
export function eventWish(query: URLSearchParams, admin: boolean): EventWish {
  const project = query.get('project') ?? '';
  const allProjects = ['true', '1', 'yes', 'on'].includes(query.get('all-projects') ?? '') || project === '*';
  if (allProjects && project !== '' && project !== '*') throw new LxdError('bad-request', 'Cannot specify a project when requesting all projects');
  const since = wantedCursor(query.get('since'));
  return { types: wantedTypes(query.get('type') ?? '', admin), project: project || 'default', allProjects, ...(since === undefined ? {} : { since }) };
}

/** Lets the caller have what it may hear of its wish. */
export async function audienceOf(wish: EventWish, identity: Identity, projects: Projects): Promise<Audience> {
  requireAccess(identity, 'project', { project: wish.project, allProjects: wish.allProjects, named: '' });
  if (!wish.allProjects && wish.project !== 'default') await projects.get(systemCall(), { name: wish.project });
  return { types: wish.types, projects: wish.allProjects ? identity.projects : [wish.project], admin: identity.admin };
}

/** Log messages are not in the journal; a caller without any project has none named "/". */
export function journalWish({ types: wanted, projects, admin }: Audience, since: number): operations.FollowJournal {
  const kept = wanted.filter((type) => type !== 'logging');
  return { since, types: kept.length > 0 ? kept : ['none'], projects: projects?.length === 0 ? ['/'] : [...(projects ?? [])], of_no_project: admin };
}

function wantedCursor(text: string | null): number | undefined {
  if (text === null) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new LxdError('bad-request', `Invalid cursor ${JSON.stringify(text)}`);
  return Number(text);
}

function wantedTypes(text: string, admin: boolean): EventType[] {
  if (text === '') return types.filter((type) => admin || type !== 'logging');
  return text.split(',').map((name) => {
    const type = types.find((candidate) => candidate === name);
    if (!type) throw new LxdError('internal', `${JSON.stringify(name)} isn't a supported event type`);
    if (type === 'logging' && !admin) throw new LxdError('forbidden', 'not authorized');
    return type;
  });
}
