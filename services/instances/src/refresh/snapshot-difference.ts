import type { SnapshotRow } from '../instance.js';

type Taken = Pick<SnapshotRow, 'name' | 'created_at'>;

export interface SnapshotDifference<T extends Taken, S extends Taken> {
  /** Of the target, and not the source's. */
  drop: T[];
  /** Of the source, and not yet the target's. */
  bring: S[];
}

/** What makes a target's snapshots the source's. The same name is the same snapshot only if it was taken at the same moment. */
export function snapshotDifference<T extends Taken, S extends Taken>(target: readonly T[], source: readonly S[]): SnapshotDifference<T, S> {
  const isIn = (list: readonly Taken[], one: Taken): boolean => list.some((other) => other.name === one.name && other.created_at.getTime() === one.created_at.getTime());
  return { drop: target.filter((snapshot) => !isIn(source, snapshot)), bring: source.filter((snapshot) => !isIn(target, snapshot)) };
}
