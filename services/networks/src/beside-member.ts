import type { NetworkRow } from './network.store.js';

/** What a member and the rows of networks do not agree about. */
export interface Difference {
  /** Networks that the member has never heard of, or forgot. */
  missing: NetworkRow[];
  /** Names of networks that a member has and nobody owns any more. */
  unowned: string[];
}

/** Creations and deletions have a row all along: whatever has none is the rest of something that failed. */
export function besideMember(rows: readonly (NetworkRow & { leaving: boolean })[], known: readonly string[]): Difference {
  return {
    missing: rows.filter(({ name, status, leaving }) => status === 'created' && !leaving && !known.includes(name)),
    unowned: known.filter((name) => !rows.some((row) => row.name === name)),
  };
}
