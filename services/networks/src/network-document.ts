import { apiUrl, sortedMap } from '@asterism/api';
import type { NetworkRow } from './network.store.js';

/** LXD's Network object of a managed network. LXD says null where nothing uses it. */
export function networkObject(row: NetworkRow, usedBy: readonly string[], locations: readonly string[], member = ''): object {
  return {
    config: sortedMap({ ...row.config, ...row.members[member] }),
    description: row.description,
    name: row.name,
    type: row.type,
    used_by: usedBy.length > 0 ? usedBy : null,
    managed: true,
    status: row.status === 'created' ? 'Created' : 'Pending',
    locations: row.promised ? Object.keys(row.members).sort() : locations,
  };
}

/** LXD's Network object of a link that is no managed network. */
export function hostLinkObject(name: string, type: string, usedBy: readonly string[]): object {
  const unused = type === 'loopback' ? [] : null;
  return { config: {}, description: '', name, type, used_by: usedBy.length > 0 ? usedBy : unused, managed: false, status: '', locations: null };
}

/** What a network's ETag covers. */
export function networkEtag(row: NetworkRow): unknown {
  return [row.name, true, row.type, row.description, sortedMap(row.config)];
}

export function hostLinkEtag(name: string, type: string): unknown {
  return [name, false, type, '', {}];
}

export function networkUrl(row: Pick<NetworkRow, 'project' | 'name'>): string {
  return apiUrl(['networks', row.name], { project: row.project });
}
