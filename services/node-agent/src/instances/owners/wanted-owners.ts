import { LxdError } from '@asterism/errors';
import type { IdRange } from '../../devices/device.js';

/** How the files of a container that starts have to lie on disk. */
export interface WantedOwners {
  /** Shown with the container's ids by its mount. */
  idmapped: boolean;
  /** What has to become of the ids on disk first; undefined where they may stay. An empty list: the guest's own. */
  change?: readonly IdRange[];
}

export interface OwnersFacts {
  /** What ids on disk stand for now. */
  onDisk: readonly IdRange[];
  /** The container's; empty for a privileged one. */
  idmap: readonly IdRange[];
  /** Whether the file system can be mounted with other ids. */
  canMap: boolean;
  /** security.protection.shift */
  isProtected: boolean;
}

/** In the reference's order: what lies right stays, what need not be touched is not, and only then protection refuses. */
export function wantedOwners({ onDisk, idmap, canMap, isProtected }: OwnersFacts): WantedOwners {
  if (sameIds(onDisk, idmap)) return { idmapped: false };
  if (onDisk.length === 0 && canMap) return { idmapped: true };
  if (isProtected) throw new LxdError('internal', 'Failed to handle idmapped storage: Container is protected against filesystem shifting');
  return canMap || idmap.length === 0 ? { idmapped: idmap.length > 0, change: [] } : { idmapped: false, change: idmap };
}

export function sameIds(one: readonly IdRange[], other: readonly IdRange[]): boolean {
  const words = (idmap: readonly IdRange[]): string => idmap.map(({ isUid, isGid, nsId, hostId, range }) => `${isUid} ${isGid} ${nsId} ${hostId} ${range}`).join();
  return words(one) === words(other);
}
