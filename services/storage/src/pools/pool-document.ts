import { soleMember } from '@asterism/agents';
import { sortedMap } from '@asterism/api';
import type { PoolRow } from './pool.store.js';

/** The config the API shows: with that of the member where one is asked for, or where there is no cluster. */
export function shownConfig(row: Pick<PoolRow, 'config' | 'members'>, member = ''): Record<string, string> {
  return sortedMap({ ...row.config, ...row.members[member || soleMember] });
}

/** LXD's StoragePool object; used_by is null where nothing does. */
export function poolObject(row: PoolRow, usedBy: readonly string[], member = ''): Record<string, unknown> {
  return {
    config: shownConfig(row, member),
    description: row.description,
    name: row.name,
    driver: row.driver,
    used_by: usedBy.length === 0 ? null : usedBy,
    status: row.ready ? 'Created' : 'Pending',
    locations: Object.keys(row.members).sort(),
  };
}

export function poolEtag(row: PoolRow, member = ''): unknown {
  return [row.name, row.driver, shownConfig(row, member)];
}

export function poolUrl(name: string): string {
  return `/1.0/storage-pools/${encodeURIComponent(name)}`;
}
