import type { IdShift } from '../../host/owners/id-shift.js';

const maxId = 0xffff_ffff;

/** volatile.last_state.idmap: what the reference shifted files on disk by. What is no such list shifts nothing. */
export function parseIdmap(text: string): IdShift[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text || '[]');
  } catch {
    return [];
  }
  return Array.isArray(parsed) ? parsed.filter(isEntry).map((entry) => ({ isUid: entry.Isuid, isGid: entry.Isgid, hostId: entry.Hostid, nsId: entry.Nsid, range: entry.Maprange })) : [];
}

interface Entry {
  Isuid: boolean;
  Isgid: boolean;
  Hostid: number;
  Nsid: number;
  Maprange: number;
}

function isEntry(value: unknown): value is Entry {
  if (typeof value !== 'object' || value === null) return false;
  const { Isuid, Isgid, Hostid, Nsid, Maprange } = value as Record<string, unknown>;
  const isId = (id: unknown): id is number => typeof id === 'number' && Number.isInteger(id) && id >= 0 && id <= maxId;
  return typeof Isuid === 'boolean' && typeof Isgid === 'boolean' && isId(Hostid) && isId(Nsid) && isId(Maprange);
}
