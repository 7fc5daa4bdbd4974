import type { MemberRow } from './member.store.js';

/** LXD's ClusterMember. "database" names who carries the state: here the member with the control plane (docs/adr/0023). */
export function memberObject(row: Omit<MemberRow, 'environment'>, isOnline: boolean): object {
  return {
    roles: rolesOf(row),
    failure_domain: row.failure_domain,
    description: row.description,
    config: row.config,
    groups: row.groups,
    server_name: row.name,
    url: `https://${row.server_address}`,
    database: row.has_control_plane,
    status: row.evacuated ? 'Evacuated' : isOnline ? 'Online' : 'Offline',
    message: row.evacuated ? 'Unavailable due to maintenance' : isOnline ? 'Fully operational' : `No heartbeat for ${row.age.toFixed(6)}s (${row.seen_at.toISOString()})`,
    architecture: row.architecture,
  };
}

/** What a member's ETag covers. */
export function memberEtag(row: MemberRow): object {
  return { roles: rolesOf(row), failure_domain: row.failure_domain, description: row.description, config: row.config, groups: row.groups };
}

export function rolesOf(row: Pick<MemberRow, 'has_control_plane'>): string[] {
  return row.has_control_plane ? ['database'] : [];
}

export function memberUrl(name: string): string {
  return `/1.0/cluster/members/${encodeURIComponent(name)}`;
}
