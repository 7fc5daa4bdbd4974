import { LxdError } from '@asterism/errors';

const types = ['logging', 'operation', 'lifecycle'] as const;
export type EventType = (typeof types)[number];

/** What a client of /1.0/events wants to hear. */
export interface EventWish {
  types: readonly EventType[];
  project: string;
  allProjects: boolean;
}

/** Reads the query of /1.0/events; only administrators hear log messages. */
export function eventWish(query: URLSearchParams, admin: boolean): EventWish {
  const project = query.get('project') ?? '';
  const allProjects = ['true', '1', 'yes', 'on'].includes(query.get('all-projects') ?? '') || project === '*';
  if (allProjects && project !== '' && project !== '*') throw new LxdError('bad-request', 'Cannot specify a project when requesting all projects');
  return { types: wantedTypes(query.get('type') ?? '', admin), project: project || 'default', allProjects };
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
